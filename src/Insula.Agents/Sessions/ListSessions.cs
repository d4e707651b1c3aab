using Insula.Tenancy.Access;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Sessions;

/// <summary>Lists sessions with cursors both ways.</summary>
public sealed class ListSessions(ITenantStores stores)
{
    public async Task<BidirectionalPage<Session>> ListAsync(TenantScope scope, SessionFilter filter, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Sessions.ListAsync(filter, page, ct);
    }
}
