namespace Insula.Knowledge.Retrieval;

/// <summary>
/// The BM25 weight of a term in a passage: S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and
/// Beyond", 2009, eq. 3.15, with the never negative idf of Lucene's BM25Similarity, ln(1 + (N - df + 0.5) / (df + 0.5)).
/// Terms of the heading count <see cref="HeadingWeight"/> times, in frequency and in length, as BM25F does for fields.
/// </summary>
internal static class Bm25
{
    public const double K1 = 1.2;
    public const double B = 0.75;
    public const int HeadingWeight = 2;

    public static double Idf(int passages, int frequency) => Math.Log(1 + ((passages - frequency + 0.5) / (frequency + 0.5)));

    public static double Score(double idf, int weight, int length, double averageLength) =>
        idf * weight * (K1 + 1) / (weight + (K1 * (1 - B + (B * length / averageLength))));
}
