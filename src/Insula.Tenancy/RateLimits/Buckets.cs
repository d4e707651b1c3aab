namespace Insula.Tenancy.RateLimits;

/// <summary>A caller's buckets where this process is the only one that counts: an arrival time for each class, in clock ticks.</summary>
internal sealed class Buckets : RateEntry
{
    // A default of 0 is a bucket that was whole when the clock began.
    private PerClass<long> _arrivals;

    public long Arrival(RateClasses one) => _arrivals[RateClassList.IndexOf(one)];

    public void Take(RateClasses one, long now, long span)
    {
        ref var arrival = ref _arrivals[RateClassList.IndexOf(one)];
        arrival = Math.Max(arrival, now) + span;
    }

    public void Take(in RateDemand demand, long now, long ticksPerSecond)
    {
        for (var rest = demand.Classes; rest != RateClasses.None; rest = RateClassList.Rest(rest))
        {
            var one = RateClassList.First(rest);
            Take(one, now, Gcra.Of(demand.PerMinute(one), ticksPerSecond).Spacing);
        }
    }

    public override bool RestedAt(long now)
    {
        foreach (var arrival in _arrivals)
        {
            if (arrival > now) return false;
        }

        return true;
    }
}

/// <summary>One call weighed against buckets as they are; it keeps the tightest of them.</summary>
internal ref struct PlannedCall(long now, long ticksPerSecond)
{
    private bool _any;

    public RateDecision Tightest { get; private set; } = RateDecision.Unlimited;

    public void Weigh(Buckets buckets, in RateDemand demand, RateHolder holder)
    {
        for (var rest = demand.Classes; rest != RateClasses.None; rest = RateClassList.Rest(rest))
        {
            var one = RateClassList.First(rest);
            Add(Judge(buckets.Arrival(one), one, demand.PerMinute(one), holder));
        }
    }

    public void Add(in RateDecision decision)
    {
        if (!_any || RateDecision.Tighter(decision, Tightest)) Tightest = decision;
        _any = true;
    }

    private readonly RateDecision Judge(long arrival, RateClasses one, long perMinute, RateHolder holder)
    {
        var rate = Gcra.Of(perMinute, ticksPerSecond);
        var next = rate.Next(arrival, now);
        var wait = rate.Wait(next, now);
        var admitted = wait <= 0;
        var held = admitted ? next : arrival;
        return new RateDecision(
            admitted,
            one,
            perMinute,
            rate.Burst,
            rate.Remaining(held, now),
            Ticks.Span(Math.Max(0, held - now), ticksPerSecond),
            admitted ? TimeSpan.Zero : Ticks.Span(wait, ticksPerSecond))
        {
            Holder = holder,
        };
    }
}

internal static class Ticks
{
    /// <summary>Rounded up to a whole tick of TimeSpan, so that who waits this long has waited long enough.</summary>
    public static TimeSpan Span(long ticks, long ticksPerSecond) => ticks <= 0
        ? TimeSpan.Zero
        : TimeSpan.FromTicks((long)Int128.Min(TimeSpan.MaxValue.Ticks, ((Int128)ticks * TimeSpan.TicksPerSecond + ticksPerSecond - 1) / ticksPerSecond));
}
