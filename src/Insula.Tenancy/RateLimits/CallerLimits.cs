using Insula.Tenancy.Faults;

namespace Insula.Tenancy.RateLimits;

/// <summary>Limits that somebody in a tenant has below the tenant's.</summary>
/// <param name="Name">The id of the member or the key.</param>
public sealed record OwnLimits(RateHolder Holder, string Name, CallerLimits Limits);

/// <summary>Rates of one key or member, below those of its tenant: a call is let in by all or by none. A null property sets no limit.</summary>
public sealed record CallerLimits
{
    // As far as a tenant's own rates go.
    private const int PerMinuteMax = 10_000_000;

    private static readonly RateClasses[] Classes = [RateClasses.Requests, RateClasses.Reads, RateClasses.Learn, RateClasses.Reason, RateClasses.Runs];

    public int? RequestsPerMinute { get; init; }

    public int? ReadsPerMinute { get; init; }

    public int? LearnPerMinute { get; init; }

    public int? ReasonPerMinute { get; init; }

    public int? RunsPerMinute { get; init; }

    /// <summary>Null for no limit. Tokens have none: a run goes on when the key that began it is gone.</summary>
    public int? PerMinute(RateClasses one) => one switch
    {
        RateClasses.Requests => RequestsPerMinute,
        RateClasses.Reads => ReadsPerMinute,
        RateClasses.Learn => LearnPerMinute,
        RateClasses.Reason => ReasonPerMinute,
        RateClasses.Runs => RunsPerMinute,
        _ => null,
    };

    /// <summary>The limits as they are kept: null when they set none.</summary>
    internal static Result<CallerLimits?> Check(CallerLimits? given)
    {
        if (given is null) return (CallerLimits?)null;
        foreach (var one in Classes)
        {
            if (given.PerMinute(one) is < 1 or > PerMinuteMax)
            {
                var path = $"limits.{RateClassList.LimitName(one)}";
                return Fault.Invalid(path, $"{path} is {given.PerMinute(one)}; it must be from 1 to {PerMinuteMax}, or left out for the tenant's limit alone.");
            }
        }

        return given == new CallerLimits() ? null : given;
    }
}
