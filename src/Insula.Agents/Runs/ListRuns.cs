using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Runs;

/// <summary>Lists a tenant's runs by filter.</summary>
public sealed class ListRuns(ITenantStores stores)
{
    public async Task<Page<Run>> ListAsync(TenantScope scope, RunFilter filter, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Runs.ListAsync(filter, page, ct);
    }
}
