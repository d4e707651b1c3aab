namespace Insula.Knowledge.Learning;

/// <summary>
/// Reads text into <see cref="Block"/>s in one pass. Blocks do not overlap and leave out nothing but white space.
/// This is the part of CommonMark that matters for finding passages, not a renderer: nesting is flat, and what is not
/// recognised is a paragraph.
/// </summary>
internal sealed class BlockReader(string text, TextFormat format)
{
    private readonly List<Block> _blocks = [];
    private readonly bool _markdown = format == TextFormat.Markdown;
    private Block? _open;
    private int _openLines;

    public List<Block> Read()
    {
        var at = _markdown ? FrontMatterEnd() : 0;
        if (at > 0) _blocks.Add(new(BlockKind.Code, 0, at, 0));
        while (at < text.Length)
        {
            var end = LineEnd(at);
            at = Take(at, end);
        }

        Close();
        return _blocks;
    }

    /// <summary>Takes the line from <paramref name="start"/>; where the next begins.</summary>
    private int Take(int start, int end)
    {
        var line = text.AsSpan(start, end - start);
        var trimmed = line.Trim();
        if (trimmed.IsEmpty)
        {
            Close();
            return end;
        }

        if (_markdown && IsFence(line)) return TakeFence(start, end, trimmed);
        if (_markdown && HeadingLevel(line) is > 0 and var level)
        {
            Close();
            _blocks.Add(new(BlockKind.Heading, start, end, level));
            return end;
        }

        if (_markdown && _open is { Kind: BlockKind.Paragraph } paragraph && _openLines == 1 && SetextLevel(trimmed) is > 0 and var underlined)
        {
            _open = null;
            _blocks.Add(new(BlockKind.Heading, paragraph.Start, end, underlined));
            return end;
        }

        Extend(KindOf(line, trimmed), start, end);
        return end;
    }

    private BlockKind KindOf(ReadOnlySpan<char> line, ReadOnlySpan<char> trimmed)
    {
        if (_markdown && (trimmed[0] == '|' || (_open?.Kind == BlockKind.Table && trimmed.Contains('|')))) return BlockKind.Table;
        if (IsListItem(line.TrimStart())) return BlockKind.ListItem;
        return BlockKind.Paragraph;
    }

    private void Extend(BlockKind kind, int start, int end)
    {
        var joins = _open is { } open && (kind, open.Kind) switch
        {
            (BlockKind.Table, BlockKind.Table) => true,
            (BlockKind.Paragraph, BlockKind.Paragraph or BlockKind.ListItem) => true,
            _ => false,
        };
        if (joins)
        {
            _open = _open!.Value with { End = end };
            _openLines++;
            return;
        }

        Close();
        _open = new(kind, start, end, 0);
        _openLines = 1;
    }

    private int TakeFence(int start, int end, ReadOnlySpan<char> opening)
    {
        Close();
        var mark = opening[0];
        var length = opening.Length - opening.TrimStart(mark).Length;
        var last = end;
        while (last < text.Length)
        {
            var next = LineEnd(last);
            var line = text.AsSpan(last, next - last).Trim();
            last = next;
            if (line.Length >= length && line.Trim(mark).IsEmpty) break;
        }

        _blocks.Add(new(BlockKind.Code, start, last, 0));
        return last;
    }

    private void Close()
    {
        if (_open is { } open) _blocks.Add(open);
        _open = null;
        _openLines = 0;
    }

    private int LineEnd(int at)
    {
        var feed = text.AsSpan(at).IndexOfAny('\n', '\r');
        if (feed < 0) return text.Length;
        var end = at + feed;
        return text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
    }

    /// <summary>Front matter is kept as one block: as a paragraph its last line would make a heading of it.</summary>
    private int FrontMatterEnd()
    {
        var at = LineEnd(0);
        if (!text.AsSpan(0, at).TrimEnd().SequenceEqual("---")) return 0;
        for (var lines = 0; at < text.Length && lines < 200; lines++)
        {
            var end = LineEnd(at);
            var line = text.AsSpan(at, end - at).TrimEnd();
            at = end;
            if (line.SequenceEqual("---") || line.SequenceEqual("...")) return at;
        }

        return 0;
    }

    private static bool IsFence(ReadOnlySpan<char> line)
    {
        line = line.TrimStart();
        return line.StartsWith("```", StringComparison.Ordinal) || line.StartsWith("~~~", StringComparison.Ordinal);
    }

    private static int HeadingLevel(ReadOnlySpan<char> line)
    {
        var indent = line.Length - line.TrimStart(' ').Length;
        if (indent > 3) return 0;
        line = line[indent..];
        var level = line.Length - line.TrimStart('#').Length;
        return level is >= 1 and <= 6 && (level == line.Length || char.IsWhiteSpace(line[level])) ? level : 0;
    }

    private static int SetextLevel(ReadOnlySpan<char> trimmed)
    {
        if (trimmed.Length < 2) return 0;
        if (trimmed.Trim('=').IsEmpty) return 1;
        return trimmed.Trim('-').IsEmpty ? 2 : 0;
    }

    private static bool IsListItem(ReadOnlySpan<char> line)
    {
        if (line[0] is '-' or '*' or '+' or '•') return line.Length > 1 && line[1] is ' ' or '\t';
        var digits = 0;
        while (digits < line.Length && digits < 9 && char.IsAsciiDigit(line[digits])) digits++;
        return digits > 0 && line.Length > digits + 1 && line[digits] is '.' or ')' && line[digits + 1] is ' ' or '\t';
    }
}
