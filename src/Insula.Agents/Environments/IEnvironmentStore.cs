using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Environments;

/// <summary>The tenant store's environments.</summary>
public interface IEnvironmentStore
{
    Task AddAsync(AgentEnvironment environment, CancellationToken ct);

    Task<AgentEnvironment?> FindAsync(Id<AgentEnvironment> id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<Page<AgentEnvironment>> ListAsync(EnvironmentFilter filter, PageRequest page, CancellationToken ct);

    /// <summary>Replaces the environment if it still is as <paramref name="expected"/>; false when it moved on or is gone.</summary>
    Task<bool> ReplaceAsync(AgentEnvironment expected, AgentEnvironment changed, CancellationToken ct);

    /// <summary>Removes it; false when missing. Sessions that used it keep their log and cannot start a new run in it.</summary>
    Task<bool> RemoveAsync(Id<AgentEnvironment> id, CancellationToken ct);
}

public sealed record EnvironmentFilter(bool IncludeArchived, TimeRange Created);
