namespace Insula.Tenancy.RateLimits;

/// <summary>
/// The generic cell rate algorithm for one class, in clock ticks. A bucket is one number: its arrival time, the moment at
/// which it is whole again. Each call moves it on by <see cref="Spacing"/>; a call that would move it further ahead of
/// now than <see cref="Burst"/> spacings is refused and moves nothing. So in every window the calls admitted are at most
/// burst + rate × window, and a caller who keeps the spacing is never refused. Spacing is rounded up: rounding never
/// admits more.
/// </summary>
internal readonly record struct Gcra(long Spacing, int Burst)
{
    /// <summary>A burst is this many minutes' worth of calls.</summary>
    private const int BurstMinutes = 2;

    private const int SecondsPerMinute = 60;

    public static Gcra Of(int perMinute, long ticksPerSecond) =>
        new((SecondsPerMinute * ticksPerSecond + perMinute - 1) / perMinute, perMinute * BurstMinutes);

    /// <summary>The arrival time after one more call.</summary>
    public long Next(long arrival, long now) => Math.Max(arrival, now) + Spacing;

    /// <summary>Ticks until the call that leads to <paramref name="next"/> is admitted; zero or less admits it now.</summary>
    public long Wait(long next, long now) => next - now - Spacing * Burst;

    /// <summary>Calls that are admitted at this moment.</summary>
    public int Remaining(long arrival, long now) => arrival <= now ? Burst : (int)Math.Max(0, (Spacing * Burst - (arrival - now)) / Spacing);
}
