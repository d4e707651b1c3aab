using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Plans;

namespace Insula.Tenancy.Tenants;

/// <summary>A tenant as it stands: may it act, and how much.</summary>
/// <param name="Limits">The plan's limits with the tenant's overrides and add-ons, which are seconds late at most when they begin or end.</param>
public sealed record TenantStanding(Tenant Tenant, Limits Limits)
{
    /// <summary>The refusal that everything of a suspended tenant gets, or null while it is active.</summary>
    public Fault? Refusal => Tenant.Status == TenantStatus.Suspended
        ? Fault.Forbidden("tenant_suspended", $"This tenant is suspended: {Tenant.SuspendedReason}. Nothing is lost; ask the operator of this installation to resume it.")
        : null;
}

/// <summary>
/// The tenants in use and their limits in force, from memory. The use cases of this process drop what they change, so a
/// change holds at once here; other nodes drop it when they hear of it, and see it after <see cref="AgeMax"/> in any case.
/// </summary>
public sealed class TenantStandings
{
    internal const int CapacityDefault = 10_000;

    internal static readonly TimeSpan AgeMax = TimeSpan.FromSeconds(5);

    private readonly ITenantDirectory _directory;
    private readonly PlanCatalog _plans;
    private readonly IWakes _wakes;
    private readonly TimeProvider _time;
    private readonly BoundedCache<Id<Tenant>, Entry> _cache;

    internal TenantStandings(ITenantDirectory directory, PlanCatalog plans, IWakes wakes, TimeProvider time, int capacity = CapacityDefault)
    {
        _directory = directory;
        _plans = plans;
        _wakes = wakes;
        _time = time;
        _cache = new(capacity, AgeMax, time);
    }

    /// <summary>The tenant's standing, or null when there is no such tenant.</summary>
    public ValueTask<TenantStanding?> FindAsync(Id<Tenant> tenant, CancellationToken ct) =>
        _cache.TryGet(tenant, out var entry) && entry.PlansVersion == _plans.Version ? new(entry.Standing) : new(LoadAsync(tenant, ct));

    internal void Drop(Id<Tenant> tenant) => _cache.Drop(tenant);

    /// <summary>Drops the tenants that the wake names; those that were in memory.</summary>
    internal IReadOnlyList<Id<Tenant>> Drop(Wake wake)
    {
        List<Id<Tenant>> dropped = [];
        _cache.DropWhere(entry =>
        {
            if (!wake.Names(entry.Key)) return false;
            dropped.Add(entry.Standing.Tenant.Id);
            return true;
        });
        return dropped;
    }

    private async Task<TenantStanding?> LoadAsync(Id<Tenant> id, CancellationToken ct)
    {
        var generation = _cache.Generation;
        var plans = _plans.Version;
        if (await _directory.FindAsync(id, ct) is not { } tenant) return null;

        var standing = new TenantStanding(tenant, _plans.LimitsOf(tenant, _time.GetUtcNow()));
        _cache.Keep(id, new Entry(standing, plans, _wakes.KeyOf(id.ToString())), generation);
        return standing;
    }

    private sealed record Entry(TenantStanding Standing, long PlansVersion, WakeKey Key);
}
