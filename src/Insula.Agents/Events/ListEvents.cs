using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Events;

/// <summary>Lists a session's log by filter.</summary>
public sealed class ListEvents(ITenantStores stores)
{
    public async Task<Result<Page<SessionEvent>>> ListAsync(TenantScope scope, Id<Session> session, EventFilter filter, PageRequest page, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        if (await store.Sessions.FindAsync(session, ct) is not { } found) return SessionRules.NotFound;
        return await store.Sessions.ListEventsAsync(found, filter, page, ct);
    }
}
