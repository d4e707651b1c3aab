using System.Buffers;
using Insula.Knowledge.Learning;

namespace Insula.Knowledge.Answers;

/// <summary>The smallest part of a passage that is quoted by itself: a sentence, list item, table row or block of code.</summary>
internal readonly record struct Unit(BlockKind Kind, int Start, int End)
{
    /// <summary>A list item longer than this is quoted by its sentences.</summary>
    private const int ItemWordsMax = 60;

    private static readonly SearchValues<char> RuleCharacters = SearchValues.Create(" \t\r\n|:-");

    public static List<Unit> Of(string passage)
    {
        var units = new List<Unit>();
        var blocks = new BlockReader(passage, TextFormat.Markdown).Read();
        var parts = new List<(int Start, int End)>();
        foreach (var block in blocks)
        {
            var span = passage.AsSpan(block.Start, block.End - block.Start);
            parts.Clear();
            if (block.Kind == BlockKind.Table) Rows(span, block.Start, parts);
            else if (block.Kind == BlockKind.Paragraph || (block.Kind == BlockKind.ListItem && TextMeasure.Weigh(span) > ItemWordsMax)) Sentences.Cut(span, block.Start, parts);
            else if (block.Kind != BlockKind.Heading) parts.Add((block.Start, block.End));
            foreach (var (start, end) in parts) Add(passage, block.Kind, start, end, units);
        }

        // A passage of headings alone is quoted as it is.
        if (units.Count == 0) units.Add(new(BlockKind.Heading, 0, passage.Length));
        return units;
    }

    public ReadOnlySpan<char> In(string passage) => passage.AsSpan(Start, End - Start);

    private static void Add(string passage, BlockKind kind, int start, int end, List<Unit> units)
    {
        while (start < end && char.IsWhiteSpace(passage[start])) start++;
        while (start < end && char.IsWhiteSpace(passage[end - 1])) end--;
        if (start < end) units.Add(new(kind, start, end));
    }

    /// <summary>The rows of a table without its rule; the row above the rule names columns and says nothing.</summary>
    private static void Rows(ReadOnlySpan<char> table, int offset, List<(int Start, int End)> rows)
    {
        for (var at = 0; at < table.Length;)
        {
            var feed = table[at..].IndexOf('\n');
            var end = feed < 0 ? table.Length : at + feed + 1;
            var row = table[at..end];
            if (!row.ContainsAnyExcept(RuleCharacters)) rows.RemoveRange(Math.Max(0, rows.Count - 1), Math.Min(1, rows.Count));
            else rows.Add((offset + at, offset + end));
            at = end;
        }
    }
}
