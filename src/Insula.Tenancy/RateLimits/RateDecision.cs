using Insula.Tenancy.Faults;

namespace Insula.Tenancy.RateLimits;

/// <summary>Whose bucket a decision speaks of.</summary>
public enum RateHolder
{
    Tenant,
    Member,
    Key,

    /// <summary>An address that nobody signed in from.</summary>
    Address,
}

/// <summary>
/// The answer to one call, told by the class that is tightest: when refused the one to wait longest for, when admitted
/// the one with the least left.
/// </summary>
/// <param name="Class">The one class that the other members speak of; none when no limit stands against the call.</param>
/// <param name="PerMinute">Its rate.</param>
/// <param name="Burst">The most calls that it admits at once after a rest.</param>
/// <param name="Remaining">Calls that it would admit right now, after this one.</param>
/// <param name="Reset">Until the whole burst is there again, if nothing is called meanwhile.</param>
/// <param name="RetryAfter">Zero when admitted; else a call like this one, repeated after this time, is admitted unless others came between.</param>
public readonly record struct RateDecision(bool Admitted, RateClasses Class, long PerMinute, long Burst, long Remaining, TimeSpan Reset, TimeSpan RetryAfter)
{
    /// <summary>No limit stands against the call.</summary>
    public static RateDecision Unlimited { get; } = new(Admitted: true, RateClasses.None, 0, 0, 0, TimeSpan.Zero, TimeSpan.Zero);

    public RateHolder Holder { get; init; }

    /// <summary>Refused because the nodes' common count cannot be reached.</summary>
    public bool StoreAway { get; init; }

    /// <summary>The refusal to answer with; null when admitted.</summary>
    public Fault? Fault => Admitted
        ? null
        : StoreAway
        ? Fault.Unavailable("limits_unavailable", $"The limit of {PerMinute} {Named(Class)} a minute cannot be checked now, because the control store is away. Try again in a moment.")
        : new Fault(
            FaultKind.Throttled,
            "rate_limited",
            $"Over {Whose(Holder)} limit of {PerMinute} {Named(Class)} a minute (bursts up to {Burst}, whole again in {Seconds(Reset)} s). Try again in {Seconds(RetryAfter)} s.{Raise(Holder)}")
        {
            RetryAfter = RetryAfter,
        };

    internal static bool Tighter(in RateDecision a, in RateDecision b) =>
        a.Admitted != b.Admitted ? b.Admitted
        : a.Admitted ? a.Remaining < b.Remaining
        : a.RetryAfter > b.RetryAfter;

    private static double Seconds(TimeSpan span) => Math.Ceiling(span.TotalSeconds);

    private static string Whose(RateHolder holder) => holder switch
    {
        RateHolder.Member => "this member's",
        RateHolder.Key => "this key's",
        _ => "the",
    };

    private static string Raise(RateHolder holder) => holder switch
    {
        RateHolder.Tenant => " The operator of this installation can raise the limit.",
        RateHolder.Member => " An administrator of the tenant can raise it.",
        RateHolder.Key => " An administrator of the tenant can make a key with a higher one.",
        _ => "",
    };

    private static string Named(RateClasses one) => one switch
    {
        RateClasses.Requests => "requests",
        RateClasses.Reads => "reads",
        RateClasses.Learn => "calls to learn",
        RateClasses.Reason => "queries",
        RateClasses.Runs => "runs",
        RateClasses.Tokens => "tokens",
        _ => throw new ArgumentOutOfRangeException(nameof(one), one, "A decision speaks of one class."),
    };
}
