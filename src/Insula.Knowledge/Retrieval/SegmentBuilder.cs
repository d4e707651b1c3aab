using System.Runtime.InteropServices;
using System.Text;
using Insula.Knowledge.Learning;

namespace Insula.Knowledge.Retrieval;

/// <summary>Builds a <see cref="Segment"/> from sources: reads every passage once, then sorts the postings by term by counting.</summary>
internal sealed class SegmentBuilder
{
    private readonly Dictionary<string, int> _terms = [];
    private readonly List<(int Term, int Passage, ushort Weight)> _postings = [];
    private readonly List<int> _lastPosting = [];
    private readonly List<SegmentPassage> _passages = [];
    private readonly List<SegmentSource> _sources = [];

    public static Segment Build(IReadOnlyList<LearnedSource> sources)
    {
        var builder = new SegmentBuilder();
        foreach (var source in sources) builder.Add(source);
        return builder.Finish();
    }

    private void Add(LearnedSource source)
    {
        if (source.Passages.Count == 0) return;
        _sources.Add(new(source.Id, source.Name, _passages.Count, source.Passages.Count));
        for (var ordinal = 0; ordinal < source.Passages.Count; ordinal++)
        {
            var passage = source.Passages[ordinal];
            // Passages of one section share one heading object, also when each came from the store with its own.
            var heading = ordinal > 0 && string.Equals(passage.Heading, _passages[^1].Heading, StringComparison.Ordinal) ? _passages[^1].Heading : passage.Heading;
            var length = Count(passage.Heading, Bm25.HeadingWeight) + Count(passage.Text, 1);
            _passages.Add(new(_sources.Count - 1, ordinal, length, heading, Encoding.UTF8.GetBytes(passage.Text)));
        }
    }

    /// <summary>Counts the terms of a text for the passage that comes next; their weighted number.</summary>
    private int Count(string text, int weight)
    {
        var lookup = _terms.GetAlternateLookup<ReadOnlySpan<char>>();
        var length = 0;
        var reader = new TermReader(text, stackalloc char[TermReader.BufferLength]);
        while (reader.Read())
        {
            if (reader.IsStopWord) continue;
            length += weight;
            if (!lookup.TryGetValue(reader.Term, out var term))
            {
                term = _terms.Count;
                lookup[reader.Term] = term;
                _lastPosting.Add(-1);
            }

            Note(term, weight);
        }

        return length;
    }

    private void Note(int term, int weight)
    {
        var passage = _passages.Count;
        var last = _lastPosting[term];
        if (last >= 0 && _postings[last].Passage == passage)
        {
            ref var posting = ref CollectionsMarshal.AsSpan(_postings)[last];
            posting.Weight = (ushort)Math.Min(ushort.MaxValue, posting.Weight + weight);
            return;
        }

        _lastPosting[term] = _postings.Count;
        _postings.Add((term, passage, (ushort)weight));
    }

    private Segment Finish()
    {
        var offsets = new int[_terms.Count + 1];
        foreach (var (term, _, _) in _postings) offsets[term + 1]++;
        for (var term = 0; term < _terms.Count; term++) offsets[term + 1] += offsets[term];
        var next = offsets.AsSpan(0, _terms.Count).ToArray();
        var passages = new int[_postings.Count];
        var weights = new ushort[_postings.Count];
        foreach (var (term, passage, weight) in _postings)
        {
            passages[next[term]] = passage;
            weights[next[term]++] = weight;
        }

        _terms.TrimExcess();
        return new(new(_terms, offsets, passages, weights), [.. _passages], [.. _sources]);
    }
}
