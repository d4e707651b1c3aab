using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>
/// Puts a change that is now in the store into force in this process: first memory forgets what it knew, then the
/// signal goes out, so whoever reacts to the signal already meets the new state.
/// </summary>
public sealed class AccessInForce
{
    private readonly KeyCache _keys;
    private readonly TenantStandings _tenants;
    private readonly AccessSignals _signals;

    internal AccessInForce(KeyCache keys, TenantStandings tenants, AccessSignals signals)
    {
        _keys = keys;
        _tenants = tenants;
        _signals = signals;
    }

    /// <summary>The key's row changed and the key is still in force.</summary>
    internal void KeyChanged(Id<ApiKey> key) => _keys.Drop(key);

    internal void KeyEnded(Id<Tenant> tenant, Id<ApiKey> key)
    {
        _keys.Drop(key);
        _signals.Raise(new KeyEnded(tenant, key));
    }

    internal void TenantChanged(Id<Tenant> tenant) => _tenants.Drop(tenant);

    internal void TenantSuspended(Id<Tenant> tenant, string reason)
    {
        _tenants.Drop(tenant);
        _signals.Raise(new TenantSuspended(tenant, reason));
    }

    internal void TenantResumed(Id<Tenant> tenant)
    {
        _tenants.Drop(tenant);
        _signals.Raise(new TenantResumed(tenant));
    }
}
