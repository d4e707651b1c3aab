using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>
/// Whose turn it is when a worker is free: start-time fair queueing between tenants (Goyal, Vin, Cheng 1996; stride
/// scheduling by another name), in memory for a store that one node has for itself. RunShareSql says the same in SQL for
/// nodes that share one; both are held to one specification. See docs/decisions/0008.
/// Each tenant has a <i>pass</i>: what it has had of the workers, divided by its weight. The tenant with the least pass goes
/// next, is charged what its leases cost on average, and the real cost replaces that when the lease ends. A tenant that
/// joins begins where the last turn began, so that it has saved nothing up. Tenants below their minimum go first and are
/// not charged for it; every fourth turn passes over that, so that minima which add up to too much starve nobody.
/// Within a tenant the higher priority goes first, and a minute of waiting is worth a level. For one caller at a time.
/// </summary>
internal sealed class FairOrder(int workersMax)
{
    /// <summary>One turn in so many does not look at minima.</summary>
    public const int MinimaPause = 4;

    private const int IdleMax = 10_000;

    private readonly Dictionary<Id<Tenant>, Part> _parts = [];
    private readonly HashSet<Part> _waiting = [];
    private double _clock;
    private long _numbers;
    private int _turns;
    private int _held;

    /// <summary>Whether this turn of a node, counted from 0, looks at minima.</summary>
    public static bool LooksAtMinima(int turn) => turn % MinimaPause != MinimaPause - 1;

    public int Free => Math.Max(0, workersMax - _held);

    /// <summary>Workers that the tenant has.</summary>
    public int HeldBy(Id<Tenant> tenant) => _parts.TryGetValue(tenant, out var part) ? part.Held : 0;

    /// <summary>What a lease of the tenant costs on average.</summary>
    public double CostOf(Id<Tenant> tenant) => _parts.TryGetValue(tenant, out var part) ? part.Cost : RunCost.First;

    /// <summary>The weights of all tenants that wait.</summary>
    public double WaitingWeight => _waiting.Sum(static part => part.Share.Weight);

    /// <summary>Adds an entry that waits for a worker since <paramref name="ready"/>.</summary>
    public Entry Add(Id<Tenant> tenant, RunShare share, int priority, DateTimeOffset ready)
    {
        var part = PartOf(tenant);
        part.Share = share;
        var entry = new Entry(part, priority, ready, _numbers++);
        part.Waiting.Add(entry);
        _waiting.Add(part);
        return entry;
    }

    /// <summary>An entry that waits goes before more of its tenant's: as if it had come with this priority, if that is higher.</summary>
    public void Raise(Entry entry, int priority)
    {
        if (priority <= entry.Priority || !entry.Part.Waiting.Remove(entry)) return;
        entry.Priority = priority;
        entry.Part.Waiting.Add(entry);
    }

    /// <summary>The entry waits no more. False when it had its turn before: then it has to be ended.</summary>
    public bool Remove(Entry entry)
    {
        if (!entry.Part.Waiting.Remove(entry)) return false;
        Left(entry.Part);
        return true;
    }

    /// <summary>Gives a free worker to the entry whose turn it is; null when there is no worker, or nobody may have it.</summary>
    public Entry? Next()
    {
        if (Free == 0) return null;
        var minima = LooksAtMinima(_turns);
        Part? first = null;
        foreach (var part in _waiting)
        {
            if (part.Held < part.Share.Concurrent && (first is null || Compare(part, first, minima) < 0)) first = part;
        }

        if (first is null) return null;
        _turns = (_turns + 1) % MinimaPause;
        return Take(first, minima);
    }

    /// <summary>The worker is free again. What it really cost takes the place of what was charged.</summary>
    public void End(Entry entry, double cost)
    {
        var part = entry.Part;
        if (entry.Charged is { } charged) part.Pass += (cost - charged) / part.Share.Weight;
        part.Cost += (cost - part.Cost) * RunCost.Newest;
        part.Held--;
        _held--;
        Left(part);
    }

    private Entry Take(Part part, bool minima)
    {
        var entry = part.Waiting.Min!;
        part.Waiting.Remove(entry);
        if (!IsReserved(part, minima))
        {
            var start = StartOf(part);
            _clock = Math.Max(_clock, start);
            entry.Charged = part.Cost;
            part.Pass = start + part.Cost / part.Share.Weight;
        }

        part.Held++;
        _held++;
        part.Contests = part.Held < part.Share.Concurrent;
        if (part.Waiting.Count == 0) _waiting.Remove(part);
        return entry;
    }

    private int Compare(Part a, Part b, bool minima)
    {
        var reserved = IsReserved(b, minima).CompareTo(IsReserved(a, minima));
        if (reserved != 0) return reserved;
        var start = StartOf(a).CompareTo(StartOf(b));
        if (start != 0) return start;
        var joined = a.Contests.CompareTo(b.Contests);
        return joined != 0 ? joined : Entry.ByTurn.Compare(a.Waiting.Min, b.Waiting.Min);
    }

    private static bool IsReserved(Part part, bool minima) => minima && part.Held < part.Share.Minimum;

    private double StartOf(Part part) => part.Contests ? part.Pass : Math.Max(part.Pass, _clock);

    private void Left(Part part)
    {
        if (part.Waiting.Count > 0) return;
        _waiting.Remove(part);
        if (part.Held == 0) part.Contests = false;
        if (_parts.Count > IdleMax) Forget();
    }

    private Part PartOf(Id<Tenant> tenant)
    {
        if (!_parts.TryGetValue(tenant, out var part)) _parts[tenant] = part = new Part();
        return part;
    }

    /// <summary>A tenant without work whose pass is behind the clock would begin at the clock anyway.</summary>
    private void Forget()
    {
        foreach (var (tenant, part) in _parts)
        {
            if (part.Held == 0 && part.Waiting.Count == 0 && part.Pass <= _clock) _parts.Remove(tenant);
        }
    }

    /// <summary>An entry that waits, or has its worker.</summary>
    internal sealed class Entry(Part part, int priority, DateTimeOffset ready, long number)
    {
        internal Part Part => part;

        /// <summary>What the tenant was charged for it; null for a worker of its minimum.</summary>
        internal double? Charged { get; set; }

        public static Comparer<Entry> ByTurn { get; } = Comparer<Entry>.Create(static (a, b) => (a.TurnAt, a.Number).CompareTo((b.TurnAt, b.Number)));

        public int Priority { get; set; } = priority;

        private DateTimeOffset TurnAt => ready - Priority * WakeOptions.LevelWait;

        private long Number => number;
    }

    /// <summary>One tenant's part.</summary>
    internal sealed class Part
    {
        public RunShare Share { get; set; } = RunShare.None;

        public SortedSet<Entry> Waiting { get; } = new(Entry.ByTurn);

        public double Pass { get; set; }

        public double Cost { get; set; } = RunCost.First;

        public int Held { get; set; }

        /// <summary>From a turn until there is nothing to do, or no worker more to take.</summary>
        public bool Contests { get; set; }
    }
}
