using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.RateLimits;

/// <summary>
/// The rates that several nodes share: for each caller and class one arrival time, by the store's clock. A node takes slots
/// there before it admits calls in them, and no slot is given twice. Part of the control-store seam.
/// </summary>
public interface IRateGrants
{
    /// <summary>Moves the arrival time on by as much as asked for, or by what there is room for; by nothing when that is less than the least.</summary>
    Task<RateGrant> TakeAsync(RateGrantRequest request, CancellationToken ct);

    /// <summary>The arrival times of the tenant's callers; none for one that is whole.</summary>
    Task<IReadOnlyList<RateRow>> ListAsync(Id<Tenant> tenant, CancellationToken ct);
}

/// <summary>What a node asks for, in ticks of <see cref="TimeSpan"/>.</summary>
/// <param name="Caller">A key's id; empty for the tenant itself.</param>
/// <param name="Least">Nothing is taken when there is less room.</param>
/// <param name="Spacing">What is taken is a multiple of it, or all that was wanted.</param>
/// <param name="Tolerance">How far ahead of the store's clock slots may end.</param>
public sealed record RateGrantRequest(Id<Tenant> Tenant, string Caller, RateClasses Class, long Least, long Wanted, long Spacing, long Tolerance);

/// <param name="Arrival">Where the slots that were taken end.</param>
/// <param name="Granted">How long they are together; zero when nothing was taken.</param>
/// <param name="Now">The store's clock, at some moment between question and answer.</param>
public readonly record struct RateGrant(long Arrival, long Granted, long Now);

/// <param name="Ahead">From the store's clock to the arrival time.</param>
public readonly record struct RateRow(string Caller, RateClasses Class, TimeSpan Ahead);
