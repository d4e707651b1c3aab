using System.Runtime.CompilerServices;

namespace Insula.Tenancy.RateLimits;

/// <summary>The entries that one call counts in, each under its lock until this is disposed of.</summary>
internal ref struct HeldEntries<TEntry>
    where TEntry : RateEntry
{
    private Slots _entries;
    private int _count;

    public readonly TEntry this[int index] => _entries[index];

    /// <summary>Locks one more; false, and nothing, when it was dropped from its table meanwhile.</summary>
    public bool Take(TEntry entry)
    {
        Monitor.Enter(entry);
        if (entry.Gone)
        {
            Monitor.Exit(entry);
            return false;
        }

        _entries[_count++] = entry;
        return true;
    }

    public void Dispose()
    {
        while (_count > 0) Monitor.Exit(_entries[--_count]);
    }

    [InlineArray(RateStakes.Max)]
    private struct Slots
    {
        private TEntry _first;
    }
}
