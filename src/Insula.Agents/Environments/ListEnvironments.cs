using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Environments;

/// <summary>Lists environments, newest first.</summary>
public sealed class ListEnvironments(ITenantStores stores)
{
    public async Task<Page<AgentEnvironment>> ListAsync(TenantScope scope, EnvironmentFilter filter, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Environments.ListAsync(filter, page, ct);
    }
}
