using System.Text;

namespace Insula.Knowledge.Retrieval;

/// <summary>A passage in a segment. The text is kept as UTF-8, which is half the size, and decoded when it is quoted.</summary>
/// <param name="Length">Weighted number of terms.</param>
internal readonly record struct SegmentPassage(int Source, int Ordinal, int Length, string Heading, byte[] Utf8)
{
    public string Text => Encoding.UTF8.GetString(Utf8);
}

/// <summary>A source in a segment: its passages are <paramref name="First"/> and the following <paramref name="Count"/> - 1.</summary>
internal readonly record struct SegmentSource(string Id, string Name, int First, int Count);

/// <summary>Where each term stands: term <c>t</c> in the passages <c>Passages[Offsets[t] .. Offsets[t + 1]]</c>, ascending, with its weight in each beside it.</summary>
internal sealed record Postings(Dictionary<string, int> Terms, int[] Offsets, int[] Passages, ushort[] Weights);

/// <summary>An immutable inverted index over some sources.</summary>
internal sealed class Segment(Postings postings, SegmentPassage[] passages, SegmentSource[] sources)
{
    private readonly Dictionary<string, int> _sourceById = Index(sources);

    public Dictionary<string, int> Terms => postings.Terms;

    public ReadOnlySpan<SegmentPassage> Passages => passages;

    public ReadOnlySpan<SegmentSource> Sources => sources;

    public int Count => passages.Length;

    /// <summary>Bytes in memory, estimated from the sizes of the arrays and of their objects.</summary>
    public long Bytes { get; } =
        passages.Sum(passage => 48L + 24 + passage.Utf8.Length) + (6L * postings.Passages.Length)
        + postings.Terms.Keys.Sum(term => 24L + 4 + 26 + (2 * term.Length)) + (160L * sources.Length);

    public ReadOnlySpan<int> Postings(int term) => postings.Passages.AsSpan(postings.Offsets[term]..postings.Offsets[term + 1]);

    public ReadOnlySpan<ushort> Weights(int term) => postings.Weights.AsSpan(postings.Offsets[term]..postings.Offsets[term + 1]);

    public ref readonly SegmentSource SourceOf(int passage) => ref sources[passages[passage].Source];

    public SegmentSource? Find(string sourceId) => _sourceById.TryGetValue(sourceId, out var at) ? sources[at] : null;

    /// <summary>Orders passages by source and place, whatever the segment, so that equal scores always rank the same.</summary>
    public static int Compare(Segment a, int passageA, Segment b, int passageB)
    {
        var order = string.CompareOrdinal(a.SourceOf(passageA).Id, b.SourceOf(passageB).Id);
        return order != 0 ? order : a.Passages[passageA].Ordinal.CompareTo(b.Passages[passageB].Ordinal);
    }

    private static Dictionary<string, int> Index(SegmentSource[] sources)
    {
        var byId = new Dictionary<string, int>(sources.Length);
        for (var i = 0; i < sources.Length; i++) byId.Add(sources[i].Id, i);
        return byId;
    }
}
