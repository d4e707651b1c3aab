using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>
/// The control store's queue of sessions that may have work. It is level-triggered: an entry says "look at this session's
/// log", the log says what there is to do, and an entry without work is harmless. So an entry is written before the input
/// is appended, and a crash between the two loses nothing.
/// A node works on a session only while it holds the lease of its entry. At any moment at most one node holds one, by the
/// store's own clock: nodes' clocks do not count. A lease that ends without being renewed is free for anybody.
/// </summary>
public interface IRunQueue
{
    /// <summary>
    /// Whether the store says who is next (<see cref="ClaimAsync"/>), by the law of <see cref="FairOrder"/> over all nodes.
    /// Else its one node keeps that order in memory and takes what it chose with <see cref="TryLeaseAsync"/>.
    /// </summary>
    bool Orders { get; }

    /// <summary>
    /// Adds the session, or marks its entry anew; who holds it keeps it. An entry that was to wait is ready now, and a
    /// priority only ever rises. Durable when the task ends.
    /// </summary>
    Task WakeAsync(Id<Tenant> tenant, Id<Session> session, WakeOptions options, CancellationToken ct);

    /// <summary>
    /// Takes the entry's lease for <paramref name="length"/> from now, unless another node holds it or it is not ready yet.
    /// Null when there is no such entry.
    /// </summary>
    Task<QueueLease?> TryLeaseAsync(QueuedSession entry, Id<Node> node, TimeSpan length, CancellationToken ct);

    /// <summary>
    /// Takes the lease of the entry whose turn it is, for a free worker of the node. Null when there is none. Only where the
    /// store orders.
    /// </summary>
    Task<ClaimedSession?> ClaimAsync(Id<Node> node, TimeSpan length, ClaimOptions options, CancellationToken ct);

    /// <summary>Says what the tenant is entitled to from now on. Only where the store orders; it keeps what it was told.</summary>
    Task ShareAsync(Id<Tenant> tenant, RunShare share, CancellationToken ct);

    /// <summary>
    /// Renews, in one statement, the leases that the node still holds. Those are answered, with their marks as they are now;
    /// one that is missing is lost for good, even if nobody took it.
    /// </summary>
    Task<IReadOnlyDictionary<QueuedSession, long>> RenewAsync(Id<Node> node, IReadOnlyCollection<QueuedSession> held, TimeSpan length, CancellationToken ct);

    /// <summary>The holder got on with the work: nobody died of it (<see cref="QueueLease.Abandoned"/> is 0 again).</summary>
    Task ProgressedAsync(QueuedSession entry, Id<Node> node, CancellationToken ct);

    /// <summary>
    /// Ends the lease of an entry whose work is done, unless it was marked anew since <paramref name="mark"/>. Then there may
    /// be work again: the new mark is answered and the node keeps the entry. Null when the node has nothing more to do with it.
    /// The entry goes, or stays until the time of <see cref="LeaseEnd.Again"/>.
    /// </summary>
    Task<long?> SettleAsync(QueuedSession entry, Id<Node> node, long mark, LeaseEnd end, CancellationToken ct);

    /// <summary>Gives up the lease, if the node has it; the entry stays for whoever takes it, from the time of <see cref="LeaseEnd.Again"/>.</summary>
    Task ReleaseAsync(QueuedSession entry, Id<Node> node, LeaseEnd end, CancellationToken ct);

    /// <summary>Entries that are ready and that nobody holds now, of tenants that are not suspended, oldest first, behind the place <paramref name="after"/> (0 for the first).</summary>
    Task<IReadOnlyList<FreeEntry>> ListFreeAsync(FreeEntries which, long after, int limit, CancellationToken ct);

    /// <summary>How the entry stands; null when it is not in the queue.</summary>
    Task<EntryStanding?> FindAsync(QueuedSession entry, CancellationToken ct);

    /// <summary>How much is in the queue.</summary>
    Task<QueueDepth> CountAsync(CancellationToken ct);

    /// <summary>Every entry, oldest first.</summary>
    IAsyncEnumerable<QueuedSession> AllAsync(CancellationToken ct);
}

public sealed record QueuedSession(Id<Tenant> Tenant, Id<Session> Session);

/// <param name="Priority">From -10 to 10; higher goes first among the tenant's own. A level is worth a minute of waiting.</param>
public readonly record struct WakeOptions(int Priority = 0)
{
    public const int PriorityMax = 10;

    /// <summary>What a level is worth: how much longer an entry waits for another that has one more.</summary>
    public static readonly TimeSpan LevelWait = TimeSpan.FromMinutes(1);

    public int Priority { get; } = Math.Clamp(Priority, -PriorityMax, PriorityMax);
}

/// <param name="Minima">Whether tenants that have less than their minimum go first.</param>
/// <param name="Age">Only entries that have been ready for so long: what is newer is left to the node that heard of it.</param>
public readonly record struct ClaimOptions(bool Minima, TimeSpan Age = default);

/// <param name="Mark">To be given back to <see cref="IRunQueue.SettleAsync"/>.</param>
/// <param name="Abandoned">How many holders in a row let their lease run out, without giving it back and without getting on with the work.</param>
public sealed record QueueLease(long Mark, int Abandoned);

/// <param name="TenantHolds">Leases of the tenant on all nodes, this one among them.</param>
/// <param name="Waited">Since it was ready.</param>
public sealed record ClaimedSession(QueuedSession Entry, QueueLease Lease, int TenantHolds, TimeSpan Waited);

/// <param name="Cost">What the lease cost by the measure of <see cref="RunCost"/>.</param>
/// <param name="Again">How long the entry waits, if it stays, before it is ready again; unless somebody wakes it.</param>
/// <param name="Ended">Runs of the session that ended; one that was told of before may come again. Null for none.</param>
public readonly record struct LeaseEnd(double Cost = 0, TimeSpan? Again = null, IReadOnlyList<EndedRun>? Ended = null);

/// <param name="StopReason">As in the event that ended it.</param>
public sealed record EndedRun(Id<Run> Run, string StopReason, DateTimeOffset At);

/// <param name="Place">Where it stands in the queue.</param>
/// <param name="Ready">Since when it is ready, by the store's clock.</param>
public sealed record FreeEntry(long Place, QueuedSession Entry, int Priority, DateTimeOffset Ready);

/// <param name="Held">Whether a node works on it.</param>
/// <param name="Delay">How long until it is ready; zero or less when it is.</param>
/// <param name="Ahead">Ready entries of the same tenant whose turn comes before.</param>
/// <param name="TenantHolds">Leases of the tenant on all nodes.</param>
/// <param name="Suspended">Whether the tenant is suspended.</param>
/// <param name="Nodes">Nodes that hold any lease.</param>
/// <param name="Cost">What a lease of the tenant costs on average; null when the store does not know.</param>
/// <param name="WaitingWeight">The weights of all tenants that have entries; null when the store does not know.</param>
public sealed record EntryStanding(bool Held, TimeSpan Delay, int Ahead, int TenantHolds, bool Suspended, int Nodes, double? Cost, double? WaitingWeight);

/// <param name="Ready">Entries that wait for a worker.</param>
/// <param name="Held">Entries that a node works on.</param>
/// <param name="Delayed">Entries that are not ready yet.</param>
public sealed record QueueDepth(long Ready, long Held, long Delayed);

public enum FreeEntries
{
    /// <summary>Nobody has held them yet.</summary>
    Untouched,

    /// <summary>Somebody held them and is gone, or gave them up: what is under way, so it comes first.</summary>
    Dropped,
}
