namespace Insula.Tenancy.RateLimits;

/// <summary>
/// The generic cell rate algorithm for one class, in ticks of some clock. A bucket is one number: its arrival time, the
/// moment at which it is whole again. Each call takes a slot of <see cref="Spacing"/> ticks there, and slots never overlap;
/// a call is admitted if its slot ends at most <see cref="Tolerance"/> ahead of now. So in every window the calls admitted
/// are at most burst + rate × window, and a caller who keeps the spacing is never refused. Spacing is rounded up: rounding
/// never admits more.
/// </summary>
internal readonly record struct Gcra(long PerMinute, long Spacing)
{
    /// <summary>A burst is this many minutes' worth of calls.</summary>
    private const int BurstMinutes = 2;

    private const int SecondsPerMinute = 60;

    public long Burst => PerMinute * BurstMinutes;

    public long Tolerance => Spacing * Burst;

    public static Gcra Of(long perMinute, long ticksPerSecond) => new(perMinute, (SecondsPerMinute * ticksPerSecond + perMinute - 1) / perMinute);

    /// <summary>The slots of so many calls in one.</summary>
    public static long Span(long calls, long perMinute, long ticksPerSecond) =>
        (long)Int128.Min(long.MaxValue / 4, ((Int128)calls * SecondsPerMinute * ticksPerSecond + perMinute - 1) / perMinute);

    /// <summary>The arrival time after one more call.</summary>
    public long Next(long arrival, long now) => Math.Max(arrival, now) + Spacing;

    /// <summary>Ticks until the call that leads to <paramref name="next"/> is admitted; zero or less admits it now.</summary>
    public long Wait(long next, long now) => next - now - Tolerance;

    /// <summary>Calls that are admitted at this moment.</summary>
    public long Remaining(long arrival, long now) => arrival <= now ? Burst : Math.Max(0, (Tolerance - (arrival - now)) / Spacing);
}
