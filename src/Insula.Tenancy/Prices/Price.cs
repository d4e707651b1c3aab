using Insula.Tenancy.Identity;

namespace Insula.Tenancy.Prices;

/// <summary>
/// What a good costs from a moment on. A version is never changed: a new one is added, and usage keeps the cost that it was
/// given by the version in force when its request began.
/// </summary>
/// <param name="Name">
/// <c>provider/model</c>; with a <c>*</c> at its end every model that begins so. Or a good: <c>tool_call</c>, <c>gb_day</c>,
/// <c>gb_egress</c>, <c>sandbox_second</c>, each alone or with a kind behind a point (<c>sandbox_second.large</c>). Or
/// <see cref="Unpriced"/>.
/// </param>
/// <param name="Version">Names this version for good, on usage rows and in the list.</param>
/// <param name="From">In force from then on.</param>
/// <param name="Ceiling">Not what the model costs but the most that it may: usage counts as if it did.</param>
public sealed record Price(string Name, string Version, DateTimeOffset From, Rates Rates, bool Ceiling = false) : IIdentified
{
    /// <summary>The entry that stands for every model without a price: a ceiling.</summary>
    public const string Unpriced = "unpriced";

    private const long Million = 1_000_000;

    public static string IdPrefix => "price";

    /// <summary>When it was put by API; null for one of a file. Of two that are in force from the same moment the later one counts.</summary>
    public DateTimeOffset? SetAt { get; init; }

    /// <summary>
    /// The cost in micro-dollars: exact, and rounded up once. What does not fit is the greatest number there is: it refuses,
    /// and never wraps around to a small one.
    /// </summary>
    public long CostOf(Quantities used)
    {
        var reasoning = Math.Min(used.Reasoning, used.Output);
        return RoundUp(BeforeOutput(used) + (Int128)(used.Output - reasoning) * Rates.Output + (Int128)reasoning * Rates.OfReasoning);
    }

    /// <summary>The most that one request may cost that takes in <paramref name="inputTokens"/> and puts out at most <paramref name="maxOutputTokens"/>.</summary>
    public long WorstOf(long inputTokens, long maxOutputTokens) => RoundUp(BeforeOutput(inputTokens) + (Int128)maxOutputTokens * Rates.DearestOutput);

    /// <summary>The most that it may cost with up to <paramref name="maxOutputTokens"/>, where all but the output is known.</summary>
    public long WorstOf(Quantities taken, long maxOutputTokens) => RoundUp(BeforeOutput(taken) + (Int128)maxOutputTokens * Rates.DearestOutput);

    /// <summary>The least that it costs with <paramref name="outputTokens"/> or more, whatever kind of output they are.</summary>
    public long LeastOf(Quantities taken, long outputTokens) => RoundUp(BeforeOutput(taken) + (Int128)outputTokens * Math.Min(Rates.Output, Rates.OfReasoning));

    /// <summary>
    /// The most output tokens whose <see cref="WorstOf(long, long)"/> fits into <paramref name="micros"/>; 0 when not even the input
    /// does, <see cref="long.MaxValue"/> when output is free.
    /// </summary>
    public long OutputTokensFor(long micros, long inputTokens)
    {
        var left = (Int128)micros * Million - BeforeOutput(inputTokens);
        if (left < 0) return 0;
        return Rates.DearestOutput == 0 ? long.MaxValue : (long)Int128.Min(left / Rates.DearestOutput, long.MaxValue);
    }

    private Int128 BeforeOutput(Quantities used) =>
        (Int128)used.Input * Rates.Input
        + (Int128)used.CacheRead * Rates.OfCacheRead
        + (Int128)used.CacheWrite * Rates.OfCacheWrite
        + (Int128)used.Units * Rates.Each
        + (Int128)used.Requests * Rates.PerRequest * Million;

    private Int128 BeforeOutput(long inputTokens) => (Int128)inputTokens * Rates.DearestInput + (Int128)Rates.PerRequest * Million;

    private static long RoundUp(Int128 millionths)
    {
        if (millionths < 0) throw new ArgumentOutOfRangeException(nameof(millionths), "Nothing is used in negative amounts.");
        return (long)Int128.Min((millionths + (Million - 1)) / Million, long.MaxValue);
    }
}
