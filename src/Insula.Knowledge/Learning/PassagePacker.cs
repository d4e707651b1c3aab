namespace Insula.Knowledge.Learning;

/// <summary>Packs the pieces of blocks into passages, in order; see <see cref="PassageSplitter"/> for the rules.</summary>
internal sealed class PassagePacker(string text)
{
    /// <summary>Longest heading kept in a path, so that a hostile one is not repeated in every passage.</summary>
    private const int TitleCharactersMax = 120;

    private readonly List<PassageSpan> _done = [];
    private readonly string?[] _titles = new string?[7];
    private string _path = "";
    private int _start = -1;
    private int _end;
    private int _weight;
    private bool _hasBody;
    private int _sectionBegin;

    public void Take(Block block, List<(int Start, int End)> pieces)
    {
        if (block.Kind == BlockKind.Heading) Enter(block);
        var first = true;
        foreach (var (start, end) in pieces)
        {
            var weight = TextMeasure.Weigh(text.AsSpan(start, end - start));
            if (MustEnd(block.Kind, weight, first)) End();
            if (_start < 0) _start = start;
            _end = end;
            _weight += weight;
            _hasBody |= block.Kind != BlockKind.Heading;
            first = false;
        }
    }

    public List<PassageSpan> Finish()
    {
        End();
        return _done;
    }

    private bool MustEnd(BlockKind kind, int weight, bool beginsBlock)
    {
        if (_start < 0) return false;
        // The line that leads in to code says what the code is for.
        if (kind == BlockKind.Code && _weight < PassageSplitter.WordsMin) return _weight + weight > PassageSplitter.CodeWordsMax + PassageSplitter.WordsMin;
        if (_weight + weight > PassageSplitter.WordsMax) return true;
        return _hasBody && beginsBlock && _weight >= PassageSplitter.WordsTarget;
    }

    private void Enter(Block heading)
    {
        if (_hasBody) End();
        var title = Title(text.AsSpan(heading.Start, heading.End - heading.Start));
        Array.Clear(_titles, heading.Level, _titles.Length - heading.Level);
        _titles[heading.Level] = title;
        _path = string.Join(Passage.HeadingJoin, _titles.Where(part => !string.IsNullOrEmpty(part)));
        _sectionBegin = _done.Count;
    }

    private void End()
    {
        if (_start < 0) return;
        var body = text.AsSpan(_start, _end - _start);
        var start = _start + (body.Length - body.TrimStart().Length);
        var end = start + body.Trim().Length;
        if (end > start) Add(start, end);
        _start = -1;
        _weight = 0;
        _hasBody = false;
    }

    /// <summary>A short tail joins the passage before it in its section.</summary>
    private void Add(int start, int end)
    {
        if (_weight < PassageSplitter.WordsMin && _done.Count > _sectionBegin)
        {
            var before = _done[^1];
            var together = TextMeasure.Weigh(text.AsSpan(before.Start, end - before.Start));
            if (together <= PassageSplitter.WordsMax)
            {
                _done[^1] = before with { End = end };
                return;
            }
        }

        _done.Add(new(start, end, _path));
    }

    private static string Title(ReadOnlySpan<char> heading)
    {
        var line = heading.TrimStart();
        var feed = line.IndexOfAny('\n', '\r');
        if (feed >= 0) line = line[..feed];
        line = line.Trim().Trim('#').Trim();
        if (line.Length > TitleCharactersMax) line = line[..(char.IsHighSurrogate(line[TitleCharactersMax - 1]) ? TitleCharactersMax - 1 : TitleCharactersMax)];
        return line.ToString().Replace("*", "", StringComparison.Ordinal).Replace("`", "", StringComparison.Ordinal);
    }
}
