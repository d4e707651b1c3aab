using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Insula.Tenancy.Access;

/// <summary>
/// Keeps rows of the control store for a short time, at most <c>capacity</c> of them; the least recently used eighth
/// makes room. Reads take no lock. Invariant: after a drop no reader sees a row that was loaded before it. A load names
/// the <see cref="Generation"/> that it began in, and one that a drop overtook is not kept.
/// </summary>
internal sealed class BoundedCache<TKey, TValue>(int capacity, TimeSpan ageMax, TimeProvider time)
    where TKey : notnull
    where TValue : class
{
    private readonly ConcurrentDictionary<TKey, Entry> _entries = new();
    private readonly Lock _writing = new();
    private readonly long _ageMax = (long)(ageMax.TotalSeconds * time.TimestampFrequency);
    private long _generation;
    private int _count;

    /// <summary>Read it before a load and hand it to <see cref="Keep"/>.</summary>
    public long Generation => Volatile.Read(ref _generation);

    public int Count => Volatile.Read(ref _count);

    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value)
    {
        value = null;
        if (!_entries.TryGetValue(key, out var entry)) return false;

        var now = time.GetTimestamp();
        if (now - entry.LoadedAt > _ageMax) return false;

        entry.UsedAt = now;
        value = entry.Value;
        return true;
    }

    public void Keep(TKey key, TValue value, long loadedIn)
    {
        var now = time.GetTimestamp();
        lock (_writing)
        {
            if (loadedIn != _generation) return;
            if (!_entries.ContainsKey(key) && ++_count > capacity) MakeRoom();
            _entries[key] = new Entry(value, now) { UsedAt = now };
        }
    }

    public void Drop(TKey key)
    {
        lock (_writing)
        {
            _generation++;
            Remove(key);
        }
    }

    /// <summary>Drops every value that matches; walks the whole cache.</summary>
    public void DropWhere(Func<TValue, bool> match)
    {
        lock (_writing)
        {
            _generation++;
            foreach (var (key, entry) in _entries)
            {
                if (match(entry.Value)) Remove(key);
            }
        }
    }

    private void MakeRoom()
    {
        foreach (var (key, _) in _entries.ToArray().OrderBy(static pair => pair.Value.UsedAt).Take(Math.Max(1, capacity / 8))) Remove(key);
    }

    private void Remove(TKey key)
    {
        if (_entries.TryRemove(key, out _)) _count--;
    }

    private sealed class Entry(TValue value, long loadedAt)
    {
        private long _usedAt;

        public TValue Value { get; } = value;

        public long LoadedAt { get; } = loadedAt;

        /// <summary>Written by readers without a lock: it only orders the eviction.</summary>
        public long UsedAt
        {
            get => Volatile.Read(ref _usedAt);
            set => Volatile.Write(ref _usedAt, value);
        }
    }
}
