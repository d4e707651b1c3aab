using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>What the tenant may have of the workers now; <see cref="RunShare.None"/> while it is suspended or gone.</summary>
public delegate ValueTask<RunShare> RunShareOf(Id<Tenant> tenant, CancellationToken ct);

/// <summary>A tenant's part of the workers.</summary>
/// <param name="Concurrent">Workers that it may have at one moment.</param>
/// <param name="Weight">Its share when tenants contend, against the others' weights.</param>
/// <param name="Minimum">Workers that it gets before anybody else does, while it has work for them.</param>
public sealed record RunShare(int Concurrent, double Weight = 1, int Minimum = 0)
{
    public static RunShare None { get; } = new(0);
}

/// <summary>
/// What a lease costs: the seconds that a worker was held. Workers are what tenants contend for here; the ledger, not the
/// order of turns, bounds tokens and money. Were turns to go by those too, they would be added here, in seconds' worth.
/// </summary>
public static class RunCost
{
    /// <summary>What a tenant's first lease is taken to cost, before there is an average.</summary>
    public const double First = 1;

    /// <summary>The part of the running average that the newest lease makes.</summary>
    public const double Newest = 0.1;

    public static double Of(TimeSpan held) => Math.Max(0, held.TotalSeconds);
}
