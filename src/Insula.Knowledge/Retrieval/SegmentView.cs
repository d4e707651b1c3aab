using System.Numerics;

namespace Insula.Knowledge.Retrieval;

/// <summary>
/// A segment without the sources that were removed from it. Removed passages stay in the segment until it is merged;
/// they are never counted: frequencies and lengths are those of an index that never had them.
/// </summary>
internal sealed class SegmentView
{
    private readonly ulong[]? _removed;

    public SegmentView(Segment segment)
        : this(segment, null)
    {
    }

    private SegmentView(Segment segment, ulong[]? removed)
    {
        Segment = segment;
        _removed = removed;
        Live = segment.Count - (removed is null ? 0 : removed.Sum(BitOperations.PopCount));
        for (var passage = 0; passage < segment.Count; passage++)
        {
            if (!IsRemoved(passage)) Length += segment.Passages[passage].Length;
        }
    }

    public Segment Segment { get; }

    /// <summary>Passages that were not removed.</summary>
    public int Live { get; }

    /// <summary>Sum of the lengths of the live passages.</summary>
    public long Length { get; }

    /// <summary>The ids of the sources that were not removed.</summary>
    public IEnumerable<string> Sources => Segment.Sources.ToArray().Where(source => !IsRemoved(source.First)).Select(static source => source.Id);

    public bool IsRemoved(int passage) => _removed is not null && (_removed[passage >> 6] & (1UL << passage)) != 0;

    public bool Contains(string sourceId) => Segment.Find(sourceId) is { } source && !IsRemoved(source.First);

    public SegmentView Without(string sourceId)
    {
        var source = Segment.Find(sourceId)!.Value;
        var removed = _removed is null ? new ulong[(Segment.Count + 63) >> 6] : [.. _removed];
        for (var passage = source.First; passage < source.First + source.Count; passage++) removed[passage >> 6] |= 1UL << passage;
        return new(Segment, removed);
    }

    /// <summary>In how many live passages the term stands.</summary>
    public int Frequency(ReadOnlySpan<int> postings)
    {
        if (_removed is null) return postings.Length;
        var live = 0;
        foreach (var passage in postings)
        {
            if (!IsRemoved(passage)) live++;
        }

        return live;
    }

    public int Frequency(string term) => Segment.Terms.TryGetValue(term, out var id) ? Frequency(Segment.Postings(id)) : 0;
}
