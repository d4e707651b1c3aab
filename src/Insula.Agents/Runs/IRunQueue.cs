using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>
/// The control store's queue of sessions that may have work. It is level-triggered: an entry says "look at this session's
/// log", the log says what there is to do, and an entry without work is harmless. So an entry is written before the input
/// is appended, and a crash between the two loses nothing.
/// </summary>
public interface IRunQueue
{
    /// <summary>Adds the session, or marks its entry anew. Durable when the task ends.</summary>
    Task WakeAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct);

    /// <summary>The entry's mark, to be given back to <see cref="SettleAsync"/>; null when there is no entry.</summary>
    Task<long?> MarkAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct);

    /// <summary>Removes the entry unless it was marked anew since <paramref name="mark"/>; false when it was, so there may be work again.</summary>
    Task<bool> SettleAsync(Id<Tenant> tenant, Id<Session> session, long mark, CancellationToken ct);

    /// <summary>Every entry, oldest first: what a start has to look at.</summary>
    IAsyncEnumerable<QueuedSession> AllAsync(CancellationToken ct);
}

public sealed record QueuedSession(Id<Tenant> Tenant, Id<Session> Session);
