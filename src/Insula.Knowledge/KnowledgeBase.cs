using Insula.Knowledge.Answers;
using Insula.Knowledge.Learning;
using Insula.Knowledge.Retrieval;

namespace Insula.Knowledge;

/// <summary>
/// What one tenant has taught, ready to be asked: a read view in memory that is built from the tenant's own log and can
/// be dropped at any time. It knows no tenants and touches no disk.
/// Safe for any number of readers and writers at once: a reader sees whole sources, as they were at one moment, and
/// never waits. A change is visible to every query that begins after the change returned.
/// </summary>
public sealed class KnowledgeBase
{
    private readonly TextIndex _index = new();

    /// <summary>Passages held.</summary>
    public int Passages => _index.Snapshot.Passages;

    /// <summary>The ids of the sources held.</summary>
    public IReadOnlySet<string> Sources => _index.Snapshot.Sources;

    /// <summary>Bytes of memory held, estimated.</summary>
    public long Bytes => _index.Snapshot.Bytes;

    /// <summary>Learns a source in one step, in place of the one with its id or with the id <paramref name="replaces"/>, if there is one.</summary>
    public void Learn(LearnedSource source, string? replaces) => _index.Add([source], replaces);

    /// <summary>Learns several sources in one step, which costs less than one after the other. Their ids differ.</summary>
    public void LearnAll(IReadOnlyList<LearnedSource> sources) => _index.Add(sources, null);

    /// <summary>Forgets a source; false when there is none of that id.</summary>
    public bool Forget(string sourceId) => _index.Remove(sourceId);

    /// <summary>
    /// Answers with sentences of what was learned, quoted and numbered, or says that nothing was found. Never makes up
    /// a sentence of its own beyond that frame.
    /// </summary>
    /// <param name="citations">At most this many citations, 1 to <see cref="Answer.CitationsMax"/>.</param>
    public Answer Query(string query, int citations) => Answerer.Answer(_index.Snapshot, Question.Read(query), citations);
}
