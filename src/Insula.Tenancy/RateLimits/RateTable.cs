using System.Collections.Concurrent;

namespace Insula.Tenancy.RateLimits;

/// <summary>Calls a minute for each class; zero leaves a class out.</summary>
internal readonly record struct RateDemand(int Requests, int Reads, int Learn, int Reason);

/// <summary>
/// The buckets of many callers. A caller's arrival times are one immutable object, replaced by compare-and-swap: calls
/// take no lock, and a call that counts against several classes moves all of them or none. A caller whose buckets are
/// whole needs no entry, so a sweep drops it; <see cref="Arrivals.Gone"/> closes the dropped entry, so that a call which
/// still holds it looks again instead of counting in a lost one. Times are monotonic ticks: the wall clock has no say.
/// </summary>
internal sealed class RateTable<TKey> : IDisposable
    where TKey : notnull
{
    public static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();

    // Shared by every caller that finds the table full.
    private readonly Entry _overflow = new();
    private readonly TimeProvider _time;
    private readonly int _entriesMax;
    private readonly ITimer _sweep;
    private int _count;

    public RateTable(TimeProvider time, int entriesMax)
    {
        _time = time;
        _entriesMax = entriesMax;
        _sweep = time.CreateTimer(static table => ((RateTable<TKey>)table!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Callers with an entry; each called within the time to refill and one sweep.</summary>
    public int Count => Volatile.Read(ref _count);

    public RateDecision Take(TKey key, RateDemand demand)
    {
        while (true)
        {
            var entry = EntryOf(key);
            for (var before = entry.Arrivals; !ReferenceEquals(before, Arrivals.Gone); before = entry.Arrivals)
            {
                var call = new PlannedCall(before, _time.GetTimestamp(), _time.TimestampFrequency);
                var decision = call.Decide(demand);
                if (!decision.Admitted || entry.TryReplace(before, call.After)) return decision;
            }
        }
    }

    public void Dispose() => _sweep.Dispose();

    private Entry EntryOf(TKey key)
    {
        while (true)
        {
            if (_entries.TryGetValue(key, out var entry)) return entry;
            if (Count >= _entriesMax) return _overflow;

            entry = new Entry();
            if (!_entries.TryAdd(key, entry)) continue;
            if (Interlocked.Increment(ref _count) == 1) ArmSweep();
            return entry;
        }
    }

    /// <summary>Drops every entry whose buckets are whole; a dropped caller and a new one are treated alike.</summary>
    internal void Sweep()
    {
        var now = _time.GetTimestamp();
        foreach (var pair in _entries)
        {
            var arrivals = pair.Value.Arrivals;
            if (!arrivals.WholeAt(now) || !pair.Value.TryReplace(arrivals, Arrivals.Gone)) continue;
            if (_entries.TryRemove(pair)) Interlocked.Decrement(ref _count);
        }

        if (Count > 0) ArmSweep();
    }

    private void ArmSweep() => _sweep.Change(SweepInterval, Timeout.InfiniteTimeSpan);

    private sealed class Entry
    {
        private Arrivals _arrivals = RateLimits.Arrivals.Rested;

        public Arrivals Arrivals => Volatile.Read(ref _arrivals);

        public bool TryReplace(Arrivals before, Arrivals after) => ReferenceEquals(Interlocked.CompareExchange(ref _arrivals, after, before), before);
    }
}
