using System.Runtime.InteropServices;

namespace Insula.Knowledge.Retrieval;

/// <summary>Merges views into one segment and drops what was removed. Linear in the postings; the texts are shared, not copied.</summary>
internal sealed class SegmentMerge
{
    private readonly IReadOnlyList<SegmentView> _views;
    private readonly List<SegmentPassage> _passages = [];
    private readonly List<SegmentSource> _sources = [];
    private readonly Dictionary<string, int> _terms = [];
    private readonly List<int> _frequencies = [];
    private readonly int[][] _newPassage;
    private readonly int[][] _newTerm;

    private SegmentMerge(IReadOnlyList<SegmentView> views)
    {
        _views = views;
        _newPassage = [.. views.Select(view => new int[view.Segment.Count])];
        _newTerm = [.. views.Select(view => new int[view.Segment.Terms.Count])];
    }

    public static Segment Merge(IReadOnlyList<SegmentView> views)
    {
        var merge = new SegmentMerge(views);
        for (var view = 0; view < views.Count; view++)
        {
            merge.TakePassages(view);
            merge.TakeTerms(view);
        }

        return merge.Finish();
    }

    private void TakePassages(int at)
    {
        var view = _views[at];
        foreach (ref readonly var source in view.Segment.Sources)
        {
            var gone = view.IsRemoved(source.First);
            if (!gone) _sources.Add(source with { First = _passages.Count });
            for (var passage = source.First; passage < source.First + source.Count; passage++)
            {
                _newPassage[at][passage] = gone ? -1 : _passages.Count;
                if (!gone) _passages.Add(view.Segment.Passages[passage] with { Source = _sources.Count - 1 });
            }
        }
    }

    private void TakeTerms(int at)
    {
        var view = _views[at];
        foreach (var (term, id) in view.Segment.Terms)
        {
            var frequency = view.Frequency(view.Segment.Postings(id));
            if (frequency == 0)
            {
                _newTerm[at][id] = -1;
                continue;
            }

            ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_terms, term, out var exists);
            if (!exists)
            {
                known = _frequencies.Count;
                _frequencies.Add(0);
            }

            _frequencies[known] += frequency;
            _newTerm[at][id] = known;
        }
    }

    private Segment Finish()
    {
        var offsets = new int[_frequencies.Count + 1];
        for (var term = 0; term < _frequencies.Count; term++) offsets[term + 1] = offsets[term] + _frequencies[term];
        var next = offsets.AsSpan(0, _frequencies.Count).ToArray();
        var postings = new int[offsets[^1]];
        var weights = new ushort[postings.Length];
        for (var at = 0; at < _views.Count; at++)
        {
            var segment = _views[at].Segment;
            for (var id = 0; id < _newTerm[at].Length; id++)
            {
                if (_newTerm[at][id] is not (>= 0 and var term)) continue;
                var from = segment.Postings(id);
                for (var i = 0; i < from.Length; i++)
                {
                    var passage = _newPassage[at][from[i]];
                    if (passage < 0) continue;
                    postings[next[term]] = passage;
                    weights[next[term]++] = segment.Weights(id)[i];
                }
            }
        }

        _terms.TrimExcess();
        return new(new(_terms, offsets, postings, weights), [.. _passages], [.. _sources]);
    }
}
