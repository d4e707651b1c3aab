using System.Numerics;
using System.Runtime.CompilerServices;
using Insula.Tenancy.Plans;

namespace Insula.Tenancy.RateLimits;

/// <summary>The rates that a call counts against; a call that counts against several is let in by all of them or by none.</summary>
[Flags]
public enum RateClasses
{
    None = 0,

    /// <summary>Calls that change something or start work.</summary>
    Requests = 1,

    /// <summary>All other calls.</summary>
    Reads = 2,

    /// <summary>Teaching knowledge.</summary>
    Learn = 4,

    /// <summary>Asking knowledge.</summary>
    Reason = 8,

    /// <summary>Messages that queue a run, whoever sends them: a client, a schedule, another agent.</summary>
    Runs = 16,

    /// <summary>Tokens of model calls. They are counted after the call, as a debt: the next call waits for it.</summary>
    Tokens = 32,
}

/// <summary>What is to be known of each class; the one list of them.</summary>
public static class RateClassList
{
    internal const int Count = 6;

    public static IReadOnlyList<RateClasses> All { get; } =
        [RateClasses.Requests, RateClasses.Reads, RateClasses.Learn, RateClasses.Reason, RateClasses.Runs, RateClasses.Tokens];

    /// <summary>The limit's name on the wire and in the plan file.</summary>
    public static string LimitName(RateClasses one) => $"{Name(one)}_per_minute";

    public static string Name(RateClasses one) => one switch
    {
        RateClasses.Requests => "requests",
        RateClasses.Reads => "reads",
        RateClasses.Learn => "learn",
        RateClasses.Reason => "reason",
        RateClasses.Runs => "runs",
        RateClasses.Tokens => "tokens",
        _ => throw NotOne(one),
    };

    /// <summary>Calls a minute by these limits; 0 for no limit.</summary>
    public static long PerMinute(Limits limits, RateClasses one) => one switch
    {
        RateClasses.Requests => limits.RequestsPerMinute,
        RateClasses.Reads => limits.ReadsPerMinute,
        RateClasses.Learn => limits.LearnPerMinute,
        RateClasses.Reason => limits.ReasonPerMinute,
        RateClasses.Runs => limits.RunsPerMinute,
        RateClasses.Tokens => limits.TokensPerMinute,
        _ => throw NotOne(one),
    };

    internal static int IndexOf(RateClasses one) => BitOperations.TrailingZeroCount((int)one);

    /// <summary>The class of the lowest bit.</summary>
    internal static RateClasses First(RateClasses classes) => classes & (RateClasses)(-(int)classes);

    internal static RateClasses Rest(RateClasses classes) => classes & (classes - 1);

    private static ArgumentOutOfRangeException NotOne(RateClasses one) => new(nameof(one), one, "Not one class.");
}

/// <summary>A value for each class, in place.</summary>
[InlineArray(RateClassList.Count)]
internal struct PerClass<T>
{
    private T _first;
}
