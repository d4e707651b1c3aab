using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

/// <summary>Gives one session with its status and usage as of now.</summary>
public sealed class ShowSession(ITenantStores stores)
{
    public async Task<Result<Session>> ShowAsync(TenantScope scope, Id<Session> id, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Sessions.FindAsync(id, ct) is { } session ? session : SessionRules.NotFound;
    }
}
