namespace Insula.Tenancy.RateLimits;

/// <summary>One call weighed against a caller's buckets as they are: what it would move them to, and the tightest of them.</summary>
internal ref struct PlannedCall(Arrivals before, long now, long ticksPerSecond)
{
    private long _requests = before.Requests;
    private long _reads = before.Reads;
    private long _learn = before.Learn;
    private long _reason = before.Reason;
    private RateDecision _tightest;
    private bool _any;

    /// <summary>The arrival times when the call is admitted.</summary>
    public readonly Arrivals After => new(_requests, _reads, _learn, _reason);

    public RateDecision Decide(RateDemand demand)
    {
        _requests = Weigh(RateClasses.Requests, demand.Requests, _requests);
        _reads = Weigh(RateClasses.Reads, demand.Reads, _reads);
        _learn = Weigh(RateClasses.Learn, demand.Learn, _learn);
        _reason = Weigh(RateClasses.Reason, demand.Reason, _reason);
        return _tightest;
    }

    private long Weigh(RateClasses one, int perMinute, long arrival)
    {
        if (perMinute == 0) return arrival;

        var rate = Gcra.Of(perMinute, ticksPerSecond);
        var next = rate.Next(arrival, now);
        var wait = rate.Wait(next, now);
        var admitted = wait <= 0;
        var held = admitted ? next : arrival;
        var decision = new RateDecision(
            admitted,
            one,
            perMinute,
            rate.Burst,
            rate.Remaining(held, now),
            Span(Math.Max(0, held - now)),
            admitted ? TimeSpan.Zero : Span(wait));
        if (!_any || Tighter(decision, _tightest)) _tightest = decision;
        _any = true;
        return next;
    }

    private static bool Tighter(RateDecision a, RateDecision b) =>
        a.Admitted != b.Admitted ? b.Admitted
        : a.Admitted ? a.Remaining < b.Remaining
        : a.RetryAfter > b.RetryAfter;

    // Rounded up to a whole tick of TimeSpan, so that who waits this long has waited long enough.
    private readonly TimeSpan Span(long ticks) => TimeSpan.FromTicks((long)(((Int128)ticks * TimeSpan.TicksPerSecond + ticksPerSecond - 1) / ticksPerSecond));
}
