using Insula.Tenancy.Faults;

namespace Insula.Tenancy.RateLimits;

/// <summary>
/// The answer to one call, told by the class that is tightest: when refused the one to wait longest for, when admitted
/// the one with the least left.
/// </summary>
/// <param name="Class">The one class that the other members speak of.</param>
/// <param name="PerMinute">Its rate.</param>
/// <param name="Burst">The most calls that it admits at once after a rest.</param>
/// <param name="Remaining">Calls that it would admit right now, after this one.</param>
/// <param name="Reset">Until the whole burst is there again, if nothing is called meanwhile.</param>
/// <param name="RetryAfter">Zero when admitted; else a call like this one, repeated after this time, is admitted unless others came between.</param>
public readonly record struct RateDecision(bool Admitted, RateClasses Class, int PerMinute, int Burst, int Remaining, TimeSpan Reset, TimeSpan RetryAfter)
{
    /// <summary>The refusal to answer with; null when admitted.</summary>
    public Fault? Fault => Admitted
        ? null
        : new Fault(FaultKind.Throttled, "rate_limited", $"Over the limit of {PerMinute} {Named(Class)} a minute (bursts up to {Burst}). Try again in {Math.Ceiling(RetryAfter.TotalSeconds)} s.")
        {
            RetryAfter = RetryAfter,
        };

    private static string Named(RateClasses one) => one switch
    {
        RateClasses.Requests => "requests",
        RateClasses.Reads => "reads",
        RateClasses.Learn => "calls to learn",
        RateClasses.Reason => "queries",
        _ => throw new ArgumentOutOfRangeException(nameof(one), one, "A decision speaks of one class."),
    };
}
