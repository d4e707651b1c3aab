using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Sessions;

/// <summary>
/// The tenant store's sessions, their logs and runs. Every append is one transaction that writes the events, gives them
/// gap-free sequence numbers and brings the session's projection (status, usage, pending input) up to date.
/// </summary>
public interface ISessionStore
{
    /// <summary>
    /// Adds a session with its first events, if any; the fault <c>quota_exceeded</c>, and nothing, when the tenant has
    /// <paramref name="sessionsMax"/> sessions. Sessions that are added at once see each other.
    /// </summary>
    Task<Result<IReadOnlyList<SessionEvent>>> AddAsync(Session session, IReadOnlyList<NewEvent> initial, long sessionsMax, CancellationToken ct);

    Task<Session?> FindAsync(Id<Session> id, CancellationToken ct);

    /// <summary>The number of the session's newest event, 0 when it has none; null when the session is missing.</summary>
    Task<long?> FindLastSeqAsync(Id<Session> id, CancellationToken ct);

    /// <summary>Newest first unless the filter says otherwise.</summary>
    Task<BidirectionalPage<Session>> ListAsync(SessionFilter filter, PageRequest page, CancellationToken ct);

    /// <summary>
    /// Writes title, metadata, budget and agent snapshot as <paramref name="change"/> gives them for the session as it is
    /// inside the transaction, and appends its log; other fields are not written. Null when missing, and when there is a
    /// fault nothing is written.
    /// </summary>
    Task<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?> UpdateAsync(Id<Session> id, Func<Session, Result<SessionUpdate>> change, DateTimeOffset at, CancellationToken ct);

    /// <summary>Sets <see cref="Session.ArchivedAt"/> once (archiving twice is fine); null when missing, a fault when <paramref name="allowed"/> gives one.</summary>
    Task<Result<Session>?> ArchiveAsync(Id<Session> id, Func<Session, Fault?> allowed, DateTimeOffset at, CancellationToken ct);

    /// <summary>
    /// Adds a session whose log goes on from <paramref name="origin"/>'s: the log that <paramref name="fork"/> gives is
    /// numbered from behind the fork point, and all before it is read from the origin. What is written does not depend on the
    /// length of that. Null when the origin is missing, and when there is a fault nothing is written. It counts as a session, as in <see cref="AddAsync"/>.
    /// </summary>
    Task<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>?> ForkAsync(Id<Session> origin, Func<Session, Result<SessionUpdate>> fork, long sessionsMax, CancellationToken ct);

    /// <summary>The sessions that work for this run's calls, oldest first.</summary>
    Task<IReadOnlyList<Session>> ListChildrenAsync(Id<Session> parent, Id<Run> run, CancellationToken ct);

    /// <summary>
    /// Removes the session with its log and runs; null when missing, a fault when forks read their beginning from it, or when
    /// <paramref name="allowed"/> gives one.
    /// </summary>
    Task<Result<Done>?> RemoveAsync(Id<Session> id, Func<Session, Fault?> allowed, CancellationToken ct);

    /// <summary>
    /// Appends input from a client. <paramref name="input"/> sees the session as it is inside the transaction and gives
    /// what to append, or refuses; then nothing is written. A message queues a run (<see cref="Run.IdOf"/>) unless one is
    /// queued already, as it does in <see cref="AddAsync"/>. An interrupt that names the queued run ends it here and now, with
    /// all messages before it settled; a run that is open is not touched. Null when the session is missing.
    /// </summary>
    Task<Result<IReadOnlyList<SessionEvent>>?> AppendInputAsync(Id<Session> id, Func<Session, Result<IReadOnlyList<NewEvent>>> input, DateTimeOffset at, CancellationToken ct);

    /// <summary>
    /// Claims the session for a worker: raises the epoch, so that every append of an earlier claim is refused from now
    /// on. Null when missing.
    /// </summary>
    Task<Session?> ClaimAsync(Id<Session> id, CancellationToken ct);

    /// <summary>
    /// Appends what a run did, under the epoch of its claim. Throws <see cref="FencedOffException"/> and writes nothing
    /// when the session was claimed since, or is gone; <see cref="OvertakenException"/> when it was to take up input and the
    /// log is not as it was seen.
    /// </summary>
    Task<IReadOnlyList<SessionEvent>> AppendAsync(RunAppend append, CancellationToken ct);

    /// <summary>The run that has begun and not ended, or null.</summary>
    Task<Run?> FindOpenRunAsync(Id<Session> id, CancellationToken ct);

    /// <summary>
    /// Events after <paramref name="afterSeq"/> in log order, at most <paramref name="limit"/>; empty when the session is missing. In a fork those before its fork point
    /// are its origin's as they were there: an input that no run had taken up counts as settled when the fork was made,
    /// whatever became of it in the origin.
    /// </summary>
    Task<IReadOnlyList<SessionEvent>> ReadAsync(Id<Session> id, long afterSeq, int limit, CancellationToken ct);

    /// <summary>A page of the log by filter.</summary>
    Task<Page<SessionEvent>> ListEventsAsync(Session session, EventFilter filter, PageRequest page, CancellationToken ct);
}

/// <summary>A session as it shall be, and the events that say so.</summary>
public sealed record SessionUpdate(Session Session, IReadOnlyList<NewEvent> Log);

/// <summary>What a run appends in one transaction.</summary>
/// <param name="Epoch">Of the run's claim.</param>
/// <param name="Run">The run as it is after this append; null when it only takes up input that starts nothing. What begins a run takes up its message.</param>
/// <param name="Processed">Inputs that this append takes up: their <c>processed_at</c> becomes <paramref name="At"/>.</param>
/// <param name="ProcessedBy">
/// Their run; null when they are settled without one, and are no part of the conversation. A queued run whose message is
/// settled so is cancelled; the oldest message that is left queues the next one.
/// </param>
/// <param name="Status">The session's new status; null keeps it.</param>
/// <param name="ActiveSeconds">Added to the session's active time.</param>
public sealed record RunAppend(
    Id<Session> Session,
    long Epoch,
    Run? Run,
    IReadOnlyList<NewEvent> Events,
    IReadOnlyList<Id<SessionEvent>> Processed,
    Id<Run>? ProcessedBy,
    IReadOnlyList<UsageRow> Usage,
    SessionStatus? Status,
    double ActiveSeconds,
    DateTimeOffset At)
{
    /// <summary>
    /// Number of the last event that the worker has read, where it takes up input: what came since may have settled that
    /// input. Null to take it up whatever came.
    /// </summary>
    public long? Seen { get; init; }
}

/// <summary>A worker wrote under an epoch that is no longer the session's: another worker has it, or it is gone.</summary>
public sealed class FencedOffException() : Exception("The session was claimed by another worker, or is gone.");

/// <summary>Something was appended since the worker read the log that it acts on: it has to read on and decide anew.</summary>
public sealed class OvertakenException() : Exception("The session's log went on since it was read.");

/// <summary>Which events to list; null or empty members do not filter. <paramref name="Processed"/> compares <c>processed_at</c>, or the time of append where that is null.</summary>
public sealed record EventFilter(IReadOnlyList<string>? Types, TimeRange Processed, bool Ascending)
{
    /// <summary>Only what this run produced or took up.</summary>
    public Id<Run>? Run { get; init; }
}

/// <summary>One page with cursors both ways.</summary>
public sealed record BidirectionalPage<T>(IReadOnlyList<T> Items, string? Next, string? Previous);
