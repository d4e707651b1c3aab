using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Knowledge;

/// <summary>Shows one source.</summary>
public sealed class ShowSource(ITenantStores stores)
{
    public async Task<Result<KnowledgeSource>> ShowAsync(TenantScope scope, Id<KnowledgeSource> id, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Knowledge.FindAsync(id, ct) is { } source ? source : KnowledgeRules.NotFound;
    }
}
