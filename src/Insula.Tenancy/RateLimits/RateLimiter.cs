using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.RateLimits;

/// <summary>
/// Holds tenants to their rates, on this node, in memory: a restart gives every tenant a full burst. Bursts are twice
/// the rate per minute. The limits come with each call, so a changed plan or override counts from the next call on; a
/// bucket keeps the share of it that was used.
/// </summary>
public sealed class RateLimiter(TimeProvider time) : IDisposable
{
    private readonly RateTable<Id<Tenant>> _table = new(time, int.MaxValue);

    /// <summary>Tenants that called lately enough to have an entry.</summary>
    internal int Count => _table.Count;

    /// <summary>Counts one call against every class in <paramref name="classes"/>, or refuses it and counts nothing.</summary>
    /// <param name="classes">At least one.</param>
    public RateDecision Take(Id<Tenant> tenant, RateClasses classes, Limits limits) => _table.Take(tenant, new RateDemand(
        Of(classes, RateClasses.Requests, limits.RequestsPerMinute),
        Of(classes, RateClasses.Reads, limits.ReadsPerMinute),
        Of(classes, RateClasses.Learn, limits.LearnPerMinute),
        Of(classes, RateClasses.Reason, limits.ReasonPerMinute)));

    public void Dispose() => _table.Dispose();

    private static int Of(RateClasses classes, RateClasses one, int perMinute) => (classes & one) == one ? perMinute : 0;
}
