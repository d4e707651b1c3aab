using System.Text;
using Insula.Knowledge.Learning;
using Insula.Knowledge.Retrieval;

namespace Insula.Knowledge.Answers;

/// <summary>
/// Makes an answer of quotes: the best passages by BM25, in each the part that answers best, the best of those first.
/// No language model has a part in it, so it can be short of an answer but cannot invent one. When no passage holds
/// enough of the question the answer says that nothing was found.
/// </summary>
internal static class Answerer
{
    /// <summary>
    /// A passage that covers less of the question than this share, by weight of its words, is about something else: of two
    /// words that matter both must be there, of three two.
    /// </summary>
    private const double CoverageMin = 0.5;

    /// <summary>A passage whose quote has less than this share of the best one's merit is not cited.</summary>
    private const double MeritShareMin = 0.6;

    /// <summary>And below this share it is cited but not quoted in the text.</summary>
    private const double QuotedShareMin = 0.75;

    private const int QuotesMax = 3;

    private const int Candidates = 20;

    /// <summary>A definition is often one row of a long table, which ranks low by itself.</summary>
    private const int CandidatesForDefinition = 60;

    public static Answer Answer(IndexSnapshot index, Question question, int citations)
    {
        var limit = Math.Clamp(citations, 1, Answers.Answer.CitationsMax);
        var matches = question.Terms.Count == 0 ? [] : index.Search(question.Terms, question.AsksDefinition ? CandidatesForDefinition : Candidates);
        if (matches.Count == 0) return Nothing(question);
        var terms = new TermWeights(index, question.Terms);
        var finder = new QuoteFinder(question, terms);
        var candidates = matches.Select(match => finder.Find(match, matches[0].Score))
            .Where(candidate => terms.Coverage(candidate.Found) >= CoverageMin)
            .OrderByDescending(candidate => candidate.Merit)
            .DistinctBy(candidate => candidate.Quote)
            .ToList();
        if (candidates.Count == 0) return Nothing(question);
        var best = candidates[0];
        var cited = candidates.Where(candidate => candidate.Merit >= MeritShareMin * best.Merit).Take(limit).ToList();
        var quoted = cited.Take(QuotesMax).TakeWhile(candidate => candidate.Merit >= QuotedShareMin * best.Merit).ToList();
        return new(Text(quoted), Confidence(best, terms), quoted.Count, [.. cited.Select(Cite)]);
    }

    private static Answer Nothing(Question question) => new(
        question.Topic.Length == 0 ? "I found nothing about that in what I was taught." : $"I found nothing about “{question.Topic}” in what I was taught.",
        0,
        0,
        []);

    private static double Confidence(Candidate best, TermWeights terms)
    {
        var covered = (0.5 * terms.Coverage(best.Found)) + (0.5 * terms.Coverage(best.Quoted));
        return Math.Round((0.9 * covered) + (best.Defines ? 0.08 : 0), 2);
    }

    private static Citation Cite(Candidate candidate)
    {
        var source = candidate.Match.Source;
        return new(source.Id, source.Name, candidate.Match.Content.Heading, candidate.Passage, candidate.Quote, Math.Round(candidate.Match.Score, 4));
    }

    private static string Text(List<Candidate> quoted)
    {
        var text = new StringBuilder("Quoted from what I was taught:");
        for (var i = 0; i < quoted.Count; i++)
        {
            var shown = Show(quoted[i]);
            // A number behind a code fence would break the fence.
            var fenced = shown.EndsWith("```", StringComparison.Ordinal) || shown.EndsWith("~~~", StringComparison.Ordinal);
            text.Append("\n\n").Append(shown).Append(fenced ? '\n' : ' ').Append('[').Append(i + 1).Append(']');
        }

        return text.ToString();
    }

    private static string Show(Candidate candidate) => candidate.Kind switch
    {
        BlockKind.Table => Row(candidate.Quote),
        BlockKind.ListItem when candidate.Quote.Length > 2 && candidate.Quote[0] is '-' or '*' or '+' && candidate.Quote[1] == ' ' => candidate.Quote[2..].TrimStart(),
        _ => candidate.Quote,
    };

    /// <summary>A table row is read out as its cells.</summary>
    private static string Row(string row) => string.Join(
        " — ",
        row.Trim().Trim('|').Replace("\\|", "\u0001", StringComparison.Ordinal).Split('|')
            .Select(cell => cell.Trim().Replace('\u0001', '|'))
            .Where(cell => cell.Length > 0));
}
