using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Agents;

/// <summary>Lists the newest version of each agent, newest agent first.</summary>
public sealed class ListAgents(ITenantStores stores)
{
    public async Task<Page<Agent>> ListAsync(TenantScope scope, AgentFilter filter, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Agents.ListAsync(filter, page, ct);
    }
}
