using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Budgets;

/// <summary>
/// Which budgets stand, from memory, so that a step without any costs no trip. What they have spent is as old as the entry:
/// whether a step may begin only the store says. A change holds at once on the node that made it; other nodes know of it
/// when they hear, and after <see cref="AgeMax"/> in any case.
/// </summary>
public sealed class BudgetsInForce : IDisposable
{
    internal static readonly TimeSpan AgeMax = TimeSpan.FromSeconds(5);

    private const int Capacity = 10_000;

    /// <summary>What a change of the platform's budget is announced as.</summary>
    private const string OfPlatform = "budgets";

    private readonly IBudgetStore _store;
    private readonly IWakes _wakes;
    private readonly BoundedCache<Id<Tenant>, Entry> _cache;
    private readonly WakeKey _platform;
    private readonly IDisposable _listening;

    internal BudgetsInForce(IBudgetStore store, IWakes wakes, TimeProvider time)
    {
        _store = store;
        _wakes = wakes;
        _cache = new(Capacity, AgeMax, time);
        _platform = wakes.KeyOf(OfPlatform);
        _listening = wakes.Listen(WakeTopic.Access, wake => _cache.DropWhere(entry => wake.Names(_platform) || wake.Names(entry.Key)));
    }

    /// <summary>The platform's budget and those that were set in the tenant's tree.</summary>
    public ValueTask<IReadOnlyList<Budget>> OfAsync(Id<Tenant> tenant, CancellationToken ct) =>
        _cache.TryGet(tenant, out var entry) ? new(entry.Budgets) : new(LoadAsync(tenant, ct));

    public void Dispose() => _listening.Dispose();

    /// <summary>A budget was set or removed; null for the platform's.</summary>
    internal void Changed(Id<Tenant>? tenant)
    {
        if (tenant is { } own) _cache.Drop(own);
        else _cache.DropWhere(static _ => true);
        _wakes.Announce(WakeTopic.Access, SubjectOf(tenant));
    }

    private static string SubjectOf(Id<Tenant>? tenant) => tenant is { } own ? $"{OfPlatform} {own}" : OfPlatform;

    private async Task<IReadOnlyList<Budget>> LoadAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        var generation = _cache.Generation;
        var budgets = await _store.InForceAsync(tenant, ct);
        _cache.Keep(tenant, new Entry(budgets, _wakes.KeyOf(SubjectOf(tenant))), generation);
        return budgets;
    }

    private sealed record Entry(IReadOnlyList<Budget> Budgets, WakeKey Key);
}
