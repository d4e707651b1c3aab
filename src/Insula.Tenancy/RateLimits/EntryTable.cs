using System.Collections.Concurrent;

namespace Insula.Tenancy.RateLimits;

/// <summary>What is known of one caller. Whoever reads or writes it holds its lock, and looks again in the table when it is gone.</summary>
internal abstract class RateEntry
{
    /// <summary>Dropped from the table; nothing is counted here any more.</summary>
    public bool Gone { get; set; }

    /// <summary>Whether a new entry would say the same.</summary>
    public abstract bool RestedAt(long now);
}

/// <summary>
/// The entries of many callers. A caller whose buckets are whole needs no entry, so a sweep drops it; a call that still
/// holds a dropped entry sees that it is gone and looks again instead of counting in a lost one.
/// </summary>
internal sealed class EntryTable<TKey, TEntry> : IDisposable
    where TKey : notnull
    where TEntry : RateEntry, new()
{
    public static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<TKey, TEntry> _entries = new();

    // Shared by every caller that finds the table full.
    private readonly TEntry _overflow = new();
    private readonly TimeProvider _time;
    private readonly int _entriesMax;
    private readonly ITimer _sweep;
    private int _count;

    public EntryTable(TimeProvider time, int entriesMax)
    {
        _time = time;
        _entriesMax = entriesMax;
        _sweep = time.CreateTimer(static table => ((EntryTable<TKey, TEntry>)table!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Callers with an entry; each called within the time to refill and one sweep.</summary>
    public int Count => Volatile.Read(ref _count);

    public TEntry Of(TKey key)
    {
        while (true)
        {
            if (_entries.TryGetValue(key, out var entry)) return entry;
            if (Count >= _entriesMax) return _overflow;

            entry = new TEntry();
            if (!_entries.TryAdd(key, entry)) continue;
            if (Interlocked.Increment(ref _count) == 1) ArmSweep();
            return entry;
        }
    }

    /// <summary>The entries of these callers, in their order. Whoever names several names them in one order, always.</summary>
    public HeldEntries<TEntry> Hold(ReadOnlySpan<RateStake<TKey>> stakes)
    {
        while (true)
        {
            var held = default(HeldEntries<TEntry>);
            var next = 0;
            while (next < stakes.Length && held.Take(Of(stakes[next].Key))) next++;
            if (next == stakes.Length) return held;
            held.Dispose();
        }
    }

    public TEntry? Find(TKey key) => _entries.GetValueOrDefault(key);

    /// <summary>Drops every entry whose buckets are whole; a dropped caller and a new one are treated alike.</summary>
    internal void Sweep()
    {
        var now = _time.GetTimestamp();
        foreach (var pair in _entries)
        {
            lock (pair.Value)
            {
                if (pair.Value.Gone || !pair.Value.RestedAt(now)) continue;
                pair.Value.Gone = true;
            }

            if (_entries.TryRemove(pair)) Interlocked.Decrement(ref _count);
        }

        if (Count > 0) ArmSweep();
    }

    public void Dispose() => _sweep.Dispose();

    private void ArmSweep() => _sweep.Change(SweepInterval, Timeout.InfiniteTimeSpan);
}
