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
    /// <summary>Adds the session, or marks its entry anew; who holds it keeps it. Durable when the task ends.</summary>
    Task WakeAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct);

    /// <summary>
    /// Takes the entry's lease for <paramref name="length"/> from now, unless another node holds it. The entry's mark, to be
    /// given back to <see cref="SettleAsync"/>; null when there is no entry or another node has it.
    /// </summary>
    Task<long?> TryLeaseAsync(QueuedSession entry, Id<Node> node, TimeSpan length, CancellationToken ct);

    /// <summary>
    /// Renews, in one statement, the leases that the node still holds. Those are answered, with their marks as they are now;
    /// one that is missing is lost for good, even if nobody took it.
    /// </summary>
    Task<IReadOnlyDictionary<QueuedSession, long>> RenewAsync(Id<Node> node, IReadOnlyCollection<QueuedSession> held, TimeSpan length, CancellationToken ct);

    /// <summary>
    /// Removes an entry that the node holds unless it was marked anew since <paramref name="mark"/>. Then there may be work
    /// again: the new mark is answered and the node keeps the entry. Null when the node has nothing more to do with it.
    /// </summary>
    Task<long?> SettleAsync(QueuedSession entry, Id<Node> node, long mark, CancellationToken ct);

    /// <summary>Gives up the lease, if the node has it; the entry stays for whoever takes it.</summary>
    Task ReleaseAsync(QueuedSession entry, Id<Node> node, CancellationToken ct);

    /// <summary>Entries that nobody holds now, of tenants that are not suspended, oldest first, behind the place <paramref name="after"/> (0 for the first).</summary>
    Task<IReadOnlyList<FreeEntry>> ListFreeAsync(FreeEntries which, long after, int limit, CancellationToken ct);

    /// <summary>Every entry, oldest first.</summary>
    IAsyncEnumerable<QueuedSession> AllAsync(CancellationToken ct);
}

public sealed record QueuedSession(Id<Tenant> Tenant, Id<Session> Session);

/// <param name="Place">Where it stands in the queue.</param>
public sealed record FreeEntry(long Place, QueuedSession Entry);

public enum FreeEntries
{
    /// <summary>Nobody has held them yet.</summary>
    Untouched,

    /// <summary>Somebody held them and is gone, or gave them up: what is under way, so it comes first.</summary>
    Dropped,
}
