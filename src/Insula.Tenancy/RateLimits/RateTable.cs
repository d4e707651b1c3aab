namespace Insula.Tenancy.RateLimits;

/// <summary>
/// The buckets of many callers, counted by this process alone. A call holds its caller's lock for as long as the arithmetic
/// takes, so one that counts against several classes moves all of them or none, and nothing is allocated. Times are
/// monotonic ticks: the wall clock has no say.
/// </summary>
internal sealed class RateTable<TKey>(TimeProvider time, int entriesMax, RateHolder holder = RateHolder.Tenant) : IDisposable
    where TKey : notnull
{
    private readonly EntryTable<TKey, Buckets> _entries = new(time, entriesMax);

    public int Count => _entries.Count;

    public RateDecision Take(TKey key, in RateDemand demand)
    {
        var stake = new RateStake<TKey>(key, holder, demand);
        return Take(new ReadOnlySpan<RateStake<TKey>>(in stake));
    }

    /// <summary>One call, let in by all these callers' buckets or by none.</summary>
    public RateDecision Take(ReadOnlySpan<RateStake<TKey>> stakes)
    {
        using var held = _entries.Hold(stakes);
        var now = time.GetTimestamp();
        var call = new PlannedCall(now, time.TimestampFrequency);
        for (var i = 0; i < stakes.Length; i++) call.Weigh(held[i], stakes[i].Demand, stakes[i].Holder);
        if (!call.Tightest.Admitted) return call.Tightest;
        for (var i = 0; i < stakes.Length; i++) held[i].Take(stakes[i].Demand, now, time.TimestampFrequency);
        return call.Tightest;
    }

    /// <summary>Puts what was used already on the caller's account, over the limit or not; how long until the bucket is no longer overdrawn.</summary>
    public TimeSpan Charge(TKey key, RateClasses one, long perMinute, long calls)
    {
        while (true)
        {
            var entry = _entries.Of(key);
            lock (entry)
            {
                if (entry.Gone) continue;
                var now = time.GetTimestamp();
                entry.Take(one, now, Gcra.Span(calls, perMinute, time.TimestampFrequency));
                return Debt(entry.Arrival(one), one, perMinute, now);
            }
        }
    }

    /// <summary>How the caller stands in one class, without a call.</summary>
    public RateStanding Stand(TKey key, RateClasses one, long perMinute)
    {
        var rate = Gcra.Of(perMinute, time.TimestampFrequency);
        if (_entries.Find(key) is not { } entry) return new RateStanding(rate.Burst, rate.Burst, TimeSpan.Zero, TimeSpan.Zero);
        lock (entry)
        {
            var now = time.GetTimestamp();
            var arrival = entry.Arrival(one);
            return new RateStanding(rate.Burst, rate.Remaining(arrival, now), Ticks.Span(arrival - now, time.TimestampFrequency), Debt(arrival, one, perMinute, now));
        }
    }

    internal void Sweep() => _entries.Sweep();

    public void Dispose() => _entries.Dispose();

    private TimeSpan Debt(long arrival, RateClasses one, long perMinute, long now) =>
        Ticks.Span(arrival - now - Gcra.Of(perMinute, time.TimestampFrequency).Tolerance, time.TimestampFrequency);
}

/// <summary>How a caller stands in one class.</summary>
/// <param name="Reset">Until the whole burst is there again.</param>
/// <param name="Debt">Until it is no longer overdrawn; zero unless it is.</param>
public readonly record struct RateStanding(long Burst, long Remaining, TimeSpan Reset, TimeSpan Debt);
