using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;

namespace Insula.Agents.Quotas;

/// <summary>Looks how far a tenant uses its quotas: one statement to its own store and two to the control store.</summary>
public sealed class MeasureTenant(ITenantStores stores, IApiKeyStore keys, IMemberStore members, TenantStandings standings, TimeProvider time)
{
    /// <summary>Null when the tenant is gone.</summary>
    public async Task<TenantLevel?> RunAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        if (await standings.FindAsync(tenant, ct) is not { } standing) return null;
        var (now, limits) = (time.NowInMicroseconds(), standing.Limits);
        var inForce = new QuotaLevel("keys", await keys.CountAsync(tenant, now, ct), limits.Keys);
        var people = new QuotaLevel("members", await members.CountAsync(tenant, ct), limits.Members);
        await using var store = await stores.OpenAsync(SystemTask.Meter.For(tenant), ct);
        var use = await store.CountAsync(ct);
        return TenantLevel.Of(tenant, now, use.StorageBytes, use.Concepts, [.. use.Against(limits), inForce, people]);
    }
}
