namespace Insula.Knowledge.Retrieval;

/// <summary>A passage found, and how well it matches; higher is better.</summary>
internal readonly record struct Match(double Score, Segment Segment, int Passage)
{
    public SegmentSource Source => Segment.SourceOf(Passage);

    public SegmentPassage Content => Segment.Passages[Passage];
}

/// <summary>The best matches so far, best first; never holds more than its limit.</summary>
internal sealed class TopMatches(int limit)
{
    private readonly List<Match> _best = new(limit + 1);

    public IReadOnlyList<Match> Best => _best;

    public void Offer(Match match)
    {
        if (_best.Count == limit && !IsBetter(match, _best[^1])) return;
        var at = _best.Count;
        while (at > 0 && IsBetter(match, _best[at - 1])) at--;
        _best.Insert(at, match);
        if (_best.Count > limit) _best.RemoveAt(limit);
    }

    private static bool IsBetter(Match a, Match b)
    {
        var order = a.Score.CompareTo(b.Score);
        return order != 0 ? order > 0 : Segment.Compare(a.Segment, a.Passage, b.Segment, b.Passage) < 0;
    }
}
