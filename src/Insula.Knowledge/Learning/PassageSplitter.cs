namespace Insula.Knowledge.Learning;

/// <summary>
/// Splits text into passages of about 60 to 220 words. A passage stays inside one section, and ends where a paragraph,
/// list item or table row ends, else where a sentence ends; fenced code stays whole up to 800 words. A section that is
/// shorter is a passage of its own, because its heading says what it is about.
/// Invariants: the same text gives the same passages; every character but white space stands in exactly one of them;
/// time and memory are linear in the text.
/// </summary>
public static class PassageSplitter
{
    /// <summary>Below this a passage takes up what follows in its section.</summary>
    internal const int WordsMin = 60;

    /// <summary>From here on a passage ends at the next end of a block.</summary>
    internal const int WordsTarget = 140;

    internal const int WordsMax = 220;

    /// <summary>Code above this is cut between its lines.</summary>
    internal const int CodeWordsMax = 800;

    public static IReadOnlyList<Passage> Split(string text, TextFormat format) =>
        [.. Spans(text, format).Select(span => new Passage(span.Heading, text[span.Start..span.End]))];

    internal static List<PassageSpan> Spans(string text, TextFormat format)
    {
        var packer = new PassagePacker(text);
        var pieces = new List<(int Start, int End)>();
        foreach (var block in new BlockReader(text, format).Read())
        {
            pieces.Clear();
            Cut(text, block, pieces);
            packer.Take(block, pieces);
        }

        return packer.Finish();
    }

    private static void Cut(string text, Block block, List<(int Start, int End)> pieces)
    {
        var span = text.AsSpan(block.Start, block.End - block.Start);
        var most = block.Kind == BlockKind.Code ? CodeWordsMax : WordsMax;
        if (TextMeasure.Weigh(span) <= most)
        {
            pieces.Add((block.Start, block.End));
            return;
        }

        var parts = new List<(int Start, int End)>();
        if (block.Kind is BlockKind.Code or BlockKind.Table) CutLines(span, block.Start, parts);
        else Sentences.Cut(span, block.Start, parts);
        foreach (var part in parts) CutHard(text, part, pieces);
    }

    private static void CutLines(ReadOnlySpan<char> span, int offset, List<(int Start, int End)> parts)
    {
        for (var at = 0; at < span.Length;)
        {
            var feed = span[at..].IndexOf('\n');
            var end = feed < 0 ? span.Length : at + feed + 1;
            parts.Add((offset + at, offset + end));
            at = end;
        }
    }

    /// <summary>A line or sentence longer than a passage has no better place to be cut than between two words.</summary>
    private static void CutHard(string text, (int Start, int End) part, List<(int Start, int End)> pieces)
    {
        var (start, end) = part;
        while (start < end)
        {
            var length = TextMeasure.Cut(text.AsSpan(start, end - start), WordsMax);
            pieces.Add((start, start + length));
            start += length;
        }
    }
}

/// <summary>Where a passage stands in its text.</summary>
internal readonly record struct PassageSpan(int Start, int End, string Heading);
