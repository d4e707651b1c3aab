using Insula.Agents.Agents;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Runs;

/// <summary>The tenant store's runs, to look at: they are written with the log, by <see cref="ISessionStore"/>.</summary>
public interface IRunStore
{
    Task<Run?> FindAsync(Id<Run> id, CancellationToken ct);

    /// <summary>By the time they were queued, newest first unless the filter says otherwise.</summary>
    Task<Page<Run>> ListAsync(RunFilter filter, PageRequest page, CancellationToken ct);
}

/// <summary>Which runs to list; null or empty members do not filter.</summary>
public sealed record RunFilter
{
    public Id<Session>? Session { get; init; }

    public Id<Agent>? Agent { get; init; }

    public IReadOnlyList<RunStatus> Statuses { get; init; } = [];

    /// <summary>When they were queued.</summary>
    public TimeRange Queued { get; init; } = TimeRange.Any;

    public bool Ascending { get; init; }
}
