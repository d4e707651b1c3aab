using Insula.Knowledge.Learning;

namespace Insula.Knowledge.Retrieval;

/// <summary>
/// A BM25 index that grows and shrinks by whole sources. Readers take <see cref="Snapshot"/> and need no lock; writers
/// take turns. A source becomes a segment of its own, and segments are merged as a log-structured tree does it (a
/// segment is kept at least twice as large as the next), so adding costs O(log n) per passage over time and a search
/// visits O(log n) segments. Invariant: search answers as if the index had been built afresh from the present sources.
/// </summary>
internal sealed class TextIndex
{
    private readonly Lock _writing = new();
    private volatile IndexSnapshot _snapshot = IndexSnapshot.Empty;

    public IndexSnapshot Snapshot => _snapshot;

    /// <summary>Adds sources in one step. A source of the same id, and the one named by <paramref name="replaces"/>, make room in that step.</summary>
    public void Add(IReadOnlyList<LearnedSource> sources, string? replaces)
    {
        var segment = SegmentBuilder.Build(sources);
        lock (_writing)
        {
            var views = new List<SegmentView>(_snapshot.Views);
            foreach (var source in sources) Remove(views, source.Id);
            if (replaces is not null) Remove(views, replaces);
            if (segment.Count > 0) views.Add(new(segment));
            Balance(views);
            _snapshot = new(views);
        }
    }

    /// <summary>Removes a source; false when there is none of that id.</summary>
    public bool Remove(string sourceId)
    {
        lock (_writing)
        {
            var views = new List<SegmentView>(_snapshot.Views);
            if (!Remove(views, sourceId)) return false;
            Balance(views);
            _snapshot = new(views);
            return true;
        }
    }

    private static bool Remove(List<SegmentView> views, string sourceId)
    {
        var at = views.FindIndex(view => view.Contains(sourceId));
        if (at < 0) return false;
        var left = views[at].Without(sourceId);
        if (left.Live == 0) views.RemoveAt(at);
        else if (left.Live * 2 < left.Segment.Count) views[at] = new(SegmentMerge.Merge([left]));
        else views[at] = left;
        return true;
    }

    private static void Balance(List<SegmentView> views)
    {
        for (var at = views.Count - 2; at >= 0; at--)
        {
            if (views[at].Live >= 2 * views[at + 1].Live) continue;
            views[at] = new(SegmentMerge.Merge([views[at], views[at + 1]]));
            views.RemoveAt(at + 1);
        }
    }
}
