using Insula.Knowledge.Retrieval;

namespace Insula.Knowledge.Answers;

/// <summary>
/// How much each term of a question counts. A term that is nowhere counts 1; one that stands everywhere counts
/// <see cref="Floor"/>; between them the idf decides. A set of terms covers a question by its share of the sum.
/// </summary>
internal sealed class TermWeights
{
    private const double Floor = 0.4;

    private readonly Dictionary<string, int> _places = [];
    private readonly double[] _weights;
    private readonly double _sum;

    public TermWeights(IndexSnapshot index, IReadOnlyList<string> terms)
    {
        var most = Bm25.Idf(index.Passages, 0);
        _weights = new double[terms.Count];
        for (var i = 0; i < terms.Count; i++)
        {
            _places[terms[i]] = i;
            _weights[i] = Floor + ((1 - Floor) * index.Idf(terms[i]) / most);
        }

        _sum = _weights.Sum();
    }

    public int Count => _weights.Length;

    /// <summary>Which of the terms stand in the text, a bit for each.</summary>
    public ulong Find(ReadOnlySpan<char> text)
    {
        var found = 0UL;
        var lookup = _places.GetAlternateLookup<ReadOnlySpan<char>>();
        var reader = new TermReader(text, stackalloc char[TermReader.BufferLength]);
        while (reader.Read())
        {
            if (lookup.TryGetValue(reader.Term, out var place)) found |= 1UL << place;
        }

        return found;
    }

    public double Coverage(ulong found)
    {
        var sum = 0.0;
        for (var i = 0; i < _weights.Length; i++)
        {
            if ((found & (1UL << i)) != 0) sum += _weights[i];
        }

        return _sum == 0 ? 0 : sum / _sum;
    }
}
