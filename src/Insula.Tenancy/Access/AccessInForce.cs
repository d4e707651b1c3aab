using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>
/// Puts a change that is now in the store into force: first memory forgets what it knew, then the signal goes out, so
/// whoever reacts to the signal already meets the new state. Then the other nodes are told, and do the same.
/// </summary>
public sealed class AccessInForce
{
    private readonly KeyCache _keys;
    private readonly TenantStandings _tenants;
    private readonly AccessSignals _signals;
    private readonly IWakes _wakes;

    internal AccessInForce(KeyCache keys, TenantStandings tenants, AccessSignals signals, IWakes wakes)
    {
        _wakes = wakes;
        _keys = keys;
        _tenants = tenants;
        _signals = signals;
    }

    /// <summary>The key's row changed and the key is still in force.</summary>
    internal void KeyChanged(Id<Tenant> tenant, Id<ApiKey> key)
    {
        _keys.Drop(key);
        Announce(tenant);
    }

    internal void KeyEnded(Id<Tenant> tenant, Id<ApiKey> key)
    {
        _keys.Drop(key);
        _signals.Raise(new KeyEnded(tenant, key));
        Announce(tenant);
    }

    /// <summary>What the member's keys may do changed.</summary>
    internal void MemberChanged(Id<Tenant> tenant, Id<Member> member)
    {
        _keys.Drop(member);
        Announce(tenant);
    }

    /// <summary>A member was removed, and these keys ended with it.</summary>
    internal void MemberRemoved(Id<Tenant> tenant, Id<Member> member, IReadOnlyList<Id<ApiKey>> keys)
    {
        _keys.Drop(member);
        foreach (var key in keys) _signals.Raise(new KeyEnded(tenant, key));
        Announce(tenant);
    }

    internal void TenantChanged(Id<Tenant> tenant)
    {
        _tenants.Drop(tenant);
        Announce(tenant);
    }

    internal void TenantSuspended(Id<Tenant> tenant, string reason)
    {
        _tenants.Drop(tenant);
        _signals.Raise(new TenantSuspended(tenant, reason));
        Announce(tenant);
    }

    internal void TenantResumed(Id<Tenant> tenant)
    {
        _tenants.Drop(tenant);
        _signals.Raise(new TenantResumed(tenant));
        Announce(tenant);
    }

    /// <summary>Another node changed something of some tenants, and said no more: what is known of them here is forgotten, and whoever acts for one looks again.</summary>
    internal void ChangedElsewhere(Wake wake)
    {
        _keys.Drop(wake);
        foreach (var tenant in _tenants.Drop(wake)) _signals.Raise(new TenantTouched(tenant));
    }

    private void Announce(Id<Tenant> tenant) => _wakes.Announce(WakeTopic.Access, tenant.ToString());
}
