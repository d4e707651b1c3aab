using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Agents;

/// <summary>The tenant store's agents, every version of them.</summary>
public interface IAgentStore
{
    /// <summary>Adds an agent; the fault <c>quota_exceeded</c>, and nothing, when the tenant has <paramref name="agentsMax"/> that are not archived. Agents that are added at once see each other.</summary>
    Task<Result<Done>> AddAsync(Agent agent, int agentsMax, CancellationToken ct);

    /// <summary>The newest version, or exactly <paramref name="version"/>; null when missing.</summary>
    Task<Agent?> FindAsync(Id<Agent> id, int? version, CancellationToken ct);

    /// <summary>Newest version of each, newest agent first.</summary>
    Task<Page<Agent>> ListAsync(AgentFilter filter, PageRequest page, CancellationToken ct);

    /// <summary>Newest version first.</summary>
    Task<Page<Agent>> VersionsAsync(Id<Agent> id, PageRequest page, CancellationToken ct);

    /// <summary>Adds <paramref name="next"/> if the newest version is still the one before it and not archived; false otherwise.</summary>
    Task<bool> AddVersionAsync(Agent next, CancellationToken ct);

    /// <summary>Sets <see cref="Agent.ArchivedAt"/> once; the agent as it is after, or null when missing.</summary>
    Task<Agent?> ArchiveAsync(Id<Agent> id, DateTimeOffset at, CancellationToken ct);
}

public sealed record AgentFilter(bool IncludeArchived, TimeRange Created, string? Name = null);
