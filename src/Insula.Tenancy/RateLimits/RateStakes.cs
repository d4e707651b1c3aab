using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.RateLimits;

/// <summary>Whose bucket: a tenant's own, or that of somebody in it.</summary>
/// <param name="Name">Empty for the tenant's own; else the id of a member or a key.</param>
internal readonly record struct RateCaller(Id<Tenant> Tenant, string Name)
{
    public static RateCaller Of(Id<Tenant> tenant) => new(tenant, "");
}

/// <summary>A bucket that a call counts in, and by which rates.</summary>
internal readonly struct RateStake<TKey>(TKey key, RateHolder holder, in RateDemand demand)
{
    public TKey Key { get; } = key;

    public RateHolder Holder { get; } = holder;

    public readonly RateDemand Demand = demand;
}

/// <summary>All buckets that one call counts in: its tenant's, its member's, its key's; always in this order, which is the order they are locked in.</summary>
internal struct RateStakes
{
    public const int Max = 3;

    private Slots _stakes;
    private int _count;

    [UnscopedRef]
    public readonly ReadOnlySpan<RateStake<RateCaller>> All => ((ReadOnlySpan<RateStake<RateCaller>>)_stakes)[.._count];

    /// <summary>Those of a call by this caller against these classes, but for whom no limit stands against.</summary>
    public static RateStakes Of(TenantScope scope, RateClasses classes, Limits limits)
    {
        var stakes = default(RateStakes);
        stakes.Add(RateCaller.Of(scope.Tenant), RateHolder.Tenant, RateDemand.Of(classes, limits));
        foreach (var own in scope.OwnLimits) stakes.Add(new RateCaller(scope.Tenant, own.Name), own.Holder, RateDemand.Of(classes, own.Limits));
        return stakes;
    }

    private void Add(RateCaller caller, RateHolder holder, in RateDemand demand)
    {
        if (demand.Classes != RateClasses.None) _stakes[_count++] = new RateStake<RateCaller>(caller, holder, demand);
    }

    [InlineArray(Max)]
    private struct Slots
    {
        private RateStake<RateCaller> _first;
    }
}
