using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Knowledge;

/// <summary>Lists what was learned, newest first.</summary>
public sealed class ListSources(ITenantStores stores)
{
    public async Task<Page<KnowledgeSource>> ListAsync(TenantScope scope, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Knowledge.ListAsync(page, ct);
    }
}
