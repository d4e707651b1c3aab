using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;

namespace Insula.Agents.Knowledge;

/// <summary>A learned text. Its name is unique in the tenant: learning the name again with other content replaces it.</summary>
/// <param name="ContentHash">Lower-case hex SHA-256 of the bytes; the same name and hash is the same source.</param>
public sealed record KnowledgeSource(
    Id<KnowledgeSource> Id,
    string Name,
    string ContentHash,
    string MediaType,
    long Bytes,
    int Passages,
    IReadOnlyDictionary<string, string> Metadata,
    DateTimeOffset LearnedAt) : IIdentified
{
    public static string IdPrefix => "src";
}

/// <summary>A passage as stored. <paramref name="Ordinal"/> counts from 0 in its source.</summary>
/// <param name="Heading">The headings above it, joined by " › "; empty when none.</param>
public sealed record StoredPassage(Id<KnowledgeSource> Source, int Ordinal, string Heading, string Text);

/// <summary>The tenant store's knowledge log: sources and their passages.</summary>
public interface IKnowledgeStore
{
    Task<KnowledgeSource?> FindByNameAsync(string name, CancellationToken ct);

    /// <summary>
    /// Adds a source, taking the place of <paramref name="replaces"/>, in one transaction that also checks the quotas of
    /// concepts (a passage counts as one) and storage: over the limit nothing changes and the fault names the limit. The
    /// version of the knowledge with it.
    /// </summary>
    Task<Result<long>> AddAsync(KnowledgeSource source, IReadOnlyList<StoredPassage> passages, Id<KnowledgeSource>? replaces, Limits limits, CancellationToken ct);

    /// <summary>Removes a source and its passages: the version of the knowledge without it; null when there is none.</summary>
    Task<long?> RemoveAsync(Id<KnowledgeSource> source, CancellationToken ct);

    Task<KnowledgeSource?> FindAsync(Id<KnowledgeSource> source, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<Page<KnowledgeSource>> ListAsync(PageRequest page, CancellationToken ct);

    /// <summary>
    /// The version of the knowledge: one more with each source that is added or removed, and 0 before the first. Whoever
    /// reads the sources after it sees them at least as they were at this version.
    /// </summary>
    Task<long> FindVersionAsync(CancellationToken ct);

    /// <summary>The ids of all sources, in order.</summary>
    Task<IReadOnlyList<Id<KnowledgeSource>>> ListIdsAsync(CancellationToken ct);

    /// <summary>Those of the sources that are there, in the order given, each whole: its passages by ordinal.</summary>
    IAsyncEnumerable<(KnowledgeSource Source, IReadOnlyList<StoredPassage> Passages)> ReadAsync(IReadOnlyList<Id<KnowledgeSource>> sources, CancellationToken ct);
}
