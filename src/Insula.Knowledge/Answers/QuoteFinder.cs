using Insula.Knowledge.Learning;
using Insula.Knowledge.Retrieval;

namespace Insula.Knowledge.Answers;

/// <summary>A passage that may answer, with its best quote.</summary>
/// <param name="Merit">How well the quote answers; comparable inside one answer.</param>
/// <param name="Found">Terms of the question in the passage and its heading.</param>
/// <param name="Quoted">Terms of the question in the quote and the heading.</param>
internal sealed record Candidate(Match Match, string Passage, string Quote, BlockKind Kind, double Merit, ulong Found, ulong Quoted, bool Defines);

/// <summary>
/// Chooses the part of a passage that answers best: it covers the question's terms, and when the question asks what
/// something is, it says so. The quote is always a piece of the passage, word for word.
/// </summary>
internal sealed class QuoteFinder(Question question, TermWeights terms)
{
    private const int QuoteCharactersMax = 600;

    /// <summary>A quote shorter than this takes the next sentence with it.</summary>
    private const int WordsFew = 6;

    /// <param name="best">The best score of all passages, to which this one's is compared.</param>
    public Candidate Find(Match match, double best)
    {
        var passage = match.Content.Text;
        var heading = match.Content.Heading;
        var inHeading = terms.Find(heading);
        var lastHeading = heading[(heading.LastIndexOf(Passage.HeadingJoin, StringComparison.Ordinal) is >= 0 and var join ? join + Passage.HeadingJoin.Length : 0)..];
        var defined = question.AsksDefinition ? Definitions.Strength(lastHeading + ":", BlockKind.Paragraph, terms) : 0;
        var all = inHeading | terms.Find(passage);
        var frame = (0.5 * terms.Coverage(all)) + (0.4 * match.Score / best);
        var units = Unit.Of(passage);
        var (top, merit, defines) = (0, double.MinValue, false);
        for (var i = 0; i < units.Count; i++)
        {
            var text = units[i].In(passage);
            var strength = Math.Max(Definitions.Strength(text, units[i].Kind, terms), i == 0 ? 0.6 * defined : 0);
            var value = frame + terms.Coverage(terms.Find(text)) + (strength * (question.AsksDefinition ? 1 : 0.2)) + Manner(text, units[i].Kind, i);
            if (value > merit) (top, merit, defines) = (i, value, question.AsksDefinition && strength >= 0.5);
        }

        var quote = Extend(passage, units, top);
        return new(match, passage, quote, units[top].Kind, merit, all, inHeading | terms.Find(quote), defines);
    }

    /// <summary>What speaks for or against quoting a text, whatever its words.</summary>
    private static double Manner(ReadOnlySpan<char> text, BlockKind kind, int place)
    {
        if (text.IsEmpty) return -1;
        var value = place == 0 ? 0.05 : 0;
        if (text[^1] is '?' or '？') value -= 0.3;
        if (kind == BlockKind.Code) value -= 0.15;
        if (kind == BlockKind.Heading || TextMeasure.Weigh(text) < 3) value -= 0.3;
        return value;
    }

    /// <summary>A line that leads in takes along what it leads to, and a very short one what comes next.</summary>
    private static string Extend(string passage, List<Unit> units, int at)
    {
        var (kind, start, end) = units[at];
        var few = kind is BlockKind.Paragraph && TextMeasure.Weigh(passage.AsSpan(start, end - start)) < WordsFew;
        if (at + 1 < units.Count && (passage.AsSpan(0, end).EndsWith(":", StringComparison.Ordinal) || (few && units[at + 1].Kind == BlockKind.Paragraph))) end = units[at + 1].End;
        if (end - start <= QuoteCharactersMax) return passage[start..end];
        var cut = TextMeasure.Cut(passage.AsSpan(start, QuoteCharactersMax), QuoteCharactersMax);
        var space = passage.LastIndexOf(' ', start + cut - 1, cut);
        var to = space > start ? space : start + cut;
        return passage[start..(char.IsHighSurrogate(passage[to - 1]) ? to - 1 : to)];
    }
}
