using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Agents;

/// <summary>Lists an agent's versions, newest first.</summary>
public sealed class ListAgentVersions(ITenantStores stores)
{
    public async Task<Result<Page<Agent>>> ListAsync(TenantScope scope, Id<Agent> id, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        if (await store.Agents.FindAsync(id, version: null, ct) is null) return AgentRules.NotFound;
        return await store.Agents.VersionsAsync(id, page, ct);
    }
}
