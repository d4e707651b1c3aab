using System.Collections.Immutable;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>Something that changed who may act for a tenant; raised after the change is durable and already in force.</summary>
public abstract record AccessChange(Id<Tenant> Tenant)
{
    /// <summary>True when this change ends what <paramref name="scope"/> has under way: its streams, its calls.</summary>
    public abstract bool Ends(TenantScope scope);
}

/// <summary>The tenant's runs, streams and charges must stop now.</summary>
public sealed record TenantSuspended(Id<Tenant> Tenant, string Reason) : AccessChange(Tenant)
{
    public override bool Ends(TenantScope scope) => scope.Tenant == Tenant;
}

/// <summary>The tenant's queued work may go on.</summary>
public sealed record TenantResumed(Id<Tenant> Tenant) : AccessChange(Tenant)
{
    public override bool Ends(TenantScope scope) => false;
}

/// <summary>A key was revoked, or rotated without overlap.</summary>
public sealed record KeyEnded(Id<Tenant> Tenant, Id<ApiKey> Key) : AccessChange(Tenant)
{
    public override bool Ends(TenantScope scope) => scope.Tenant == Tenant && scope.Principal == Principal.Of(Key);
}

/// <summary>Another node changed the tenant or one of its keys, or may have: whoever acts for it asks whether it still may.</summary>
public sealed record TenantTouched(Id<Tenant> Tenant) : AccessChange(Tenant)
{
    public override bool Ends(TenantScope scope) => false;
}

/// <summary>
/// Tells the parts of this process at once when a tenant is suspended or resumed, or a key ends, so that nobody polls.
/// </summary>
public sealed class AccessSignals
{
    private ImmutableArray<Action<AccessChange>> _handlers = [];

    /// <summary>
    /// Calls <paramref name="handler"/> on every change until the answer is disposed. It runs inside the use case that
    /// made the change: it hands the news on, and neither waits nor throws.
    /// </summary>
    public IDisposable Subscribe(Action<AccessChange> handler)
    {
        ImmutableInterlocked.Update(ref _handlers, static (all, added) => all.Add(added), handler);
        return new Subscription(this, handler);
    }

    internal void Raise(AccessChange change)
    {
        foreach (var handler in _handlers) handler(change);
    }

    private sealed class Subscription(AccessSignals signals, Action<AccessChange> handler) : IDisposable
    {
        public void Dispose() => ImmutableInterlocked.Update(ref signals._handlers, static (all, gone) => all.Remove(gone), handler);
    }
}
