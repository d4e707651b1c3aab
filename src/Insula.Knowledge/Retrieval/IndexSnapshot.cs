namespace Insula.Knowledge.Retrieval;

/// <summary>The index at one moment. It never changes, so readers take no lock and see whole sources or none of them.</summary>
internal sealed class IndexSnapshot
{
    /// <summary>Passages scored at a time: the scores of a window stay in the first-level cache.</summary>
    private const int Window = 2048;

    public IndexSnapshot(IReadOnlyList<SegmentView> views)
    {
        Views = views;
        Passages = views.Sum(view => view.Live);
        AverageLength = Passages == 0 ? 1 : Math.Max(1, (double)views.Sum(view => view.Length) / Passages);
    }

    public static IndexSnapshot Empty { get; } = new([]);

    public IReadOnlyList<SegmentView> Views { get; }

    public int Passages { get; }

    public double AverageLength { get; }

    public long Bytes => Views.Sum(view => view.Segment.Bytes);

    /// <summary>The ids of the sources; each call walks all of them.</summary>
    public IReadOnlySet<string> Sources => Views.SelectMany(static view => view.Sources).ToHashSet(StringComparer.Ordinal);

    public double Idf(string term) => Bm25.Idf(Passages, Views.Sum(view => view.Frequency(term)));

    public bool Contains(string sourceId) => Views.Any(view => view.Contains(sourceId));

    /// <summary>The best passages by the sum of their terms' weights, at most <paramref name="limit"/>, best first. Each term counts once.</summary>
    public IReadOnlyList<Match> Search(IReadOnlyCollection<string> terms, int limit)
    {
        var top = new TopMatches(limit);
        var weighted = terms.Distinct(StringComparer.Ordinal).Select(term => (Term: term, Idf: Idf(term))).ToArray();
        var scores = new double[Window];
        foreach (var view in Views) Score(view, weighted, scores, top);
        return top.Best;
    }

    private void Score(SegmentView view, (string Term, double Idf)[] terms, double[] scores, TopMatches top)
    {
        var cursors = new List<Cursor>(terms.Length);
        foreach (var (term, idf) in terms)
        {
            if (view.Segment.Terms.TryGetValue(term, out var id)) cursors.Add(new(id, idf));
        }

        while (NextPassage(view.Segment, cursors) is >= 0 and var first)
        {
            var begin = first - (first % Window);
            var end = Math.Min(begin + Window, view.Segment.Count);
            foreach (var cursor in cursors) Add(view.Segment, cursor, begin, end, scores);
            for (var passage = first; passage < end; passage++)
            {
                if (scores[passage - begin] > 0 && !view.IsRemoved(passage)) top.Offer(new(scores[passage - begin], view.Segment, passage));
            }

            Array.Clear(scores);
        }
    }

    private static int NextPassage(Segment segment, List<Cursor> cursors)
    {
        var next = -1;
        foreach (var cursor in cursors)
        {
            var postings = segment.Postings(cursor.Term);
            if (cursor.At < postings.Length && (next < 0 || postings[cursor.At] < next)) next = postings[cursor.At];
        }

        return next;
    }

    private void Add(Segment segment, Cursor cursor, int begin, int end, double[] scores)
    {
        var postings = segment.Postings(cursor.Term);
        var weights = segment.Weights(cursor.Term);
        var at = cursor.At;
        for (; at < postings.Length && postings[at] < end; at++)
        {
            scores[postings[at] - begin] += Bm25.Score(cursor.Idf, weights[at], segment.Passages[postings[at]].Length, AverageLength);
        }

        cursor.At = at;
    }

    private sealed class Cursor(int term, double idf)
    {
        public int Term => term;

        public double Idf => idf;

        public int At { get; set; }
    }
}
