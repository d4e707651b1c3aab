using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>
/// A worker's hold on one session: the state folded from its log, and the only way to append to it. Opens the store for
/// each access, so that a run that waits minutes for a model holds no handle.
/// </summary>
internal sealed class RunJournal
{
    private const int ReadMax = 500;

    private readonly ITenantStores _stores;
    private readonly SessionFeed _feed;
    private readonly TimeProvider _time;

    /// <summary>When the time that the session is charged as active began; null while it is idle.</summary>
    private DateTimeOffset? _activeSince;

    private RunJournal(ITenantStores stores, SessionFeed feed, TimeProvider time, TenantScope scope, Session session, Run? run)
    {
        _stores = stores;
        _feed = feed;
        _time = time;
        Scope = scope;
        Session = session;
        Run = run;
        if (run is { Status: RunStatus.Running }) _activeSince = time.GetUtcNow();
    }

    public TenantScope Scope { get; }

    /// <summary>As it was when claimed, with the epoch of the claim.</summary>
    public Session Session { get; }

    /// <summary>The run that is open, waiting ones included.</summary>
    public Run? Run { get; private set; }

    public SessionState State { get; } = new();

    /// <summary>Claims the session and reads its log; null when the session is missing.</summary>
    public static async Task<RunJournal?> OpenAsync(ITenantStores stores, SessionFeed feed, TimeProvider time, TenantScope scope, Id<Session> id, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        if (await store.Sessions.ClaimAsync(id, ct) is not { } session) return null;
        var journal = new RunJournal(stores, feed, time, scope, session, await store.Sessions.FindOpenRunAsync(id, ct));
        await journal.ReadAsync(store.Sessions, ct);
        return journal;
    }

    /// <summary>Folds what was appended since, by clients or by this worker.</summary>
    public async Task ReadAsync(CancellationToken ct)
    {
        await using var store = await _stores.OpenAsync(Scope, ct);
        await ReadAsync(store.Sessions, ct);
    }

    /// <summary>Whether a person interrupted since this worker last read the log. May be asked while a step is under way.</summary>
    public async Task<bool> IsInterruptedAsync(CancellationToken ct)
    {
        await using var store = await _stores.OpenAsync(Scope, ct);
        var news = await store.Sessions.ReadAsync(Session.Id, State.LastSeq, ReadMax, ct);
        return news.Any(e => e.Body is UserInterrupt && e.Seq > State.LastSeq);
    }

    /// <summary>
    /// Appends what the run did and folds it. <paramref name="taken"/> are the inputs it takes up. Throws
    /// <see cref="FencedOffException"/> when another worker has the session.
    /// </summary>
    public async Task AppendAsync(
        Run? run, SessionStatus? status, IReadOnlyList<SessionEvent> taken, IReadOnlyList<NewEvent> events, IReadOnlyList<UsageRow> usage, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var inputs = taken.Select(t => t.Id).ToList();
        var active = TakeActiveSeconds(status, now);
        IReadOnlyList<SessionEvent> appended;
        await using (var store = await _stores.OpenAsync(Scope, ct))
        {
            appended = await store.Sessions.AppendAsync(
                new RunAppend(Session.Id, Session.Epoch, run, events, inputs, usage, status, active, now), ct);
            State.TakeUp(inputs, run?.Id, now);
            Run = run is { Status: RunStatus.Ended } ? null : run;

            // A client may have appended in between: then the log is read, so that nothing is folded out of order.
            if (appended.Count > 0 && appended[0].Seq != State.LastSeq + 1) await ReadAsync(store.Sessions, ct);
            else foreach (var e in appended) State.Fold(e);
        }

        _feed.Publish(Scope.Tenant, Session.Id, appended);
    }

    /// <summary>
    /// Stops the run for <paramref name="reason"/> with these as its last events: it ends, or waits when action is
    /// required. The one way that a run stops.
    /// </summary>
    public async Task StopAsync(
        StopReason reason, IReadOnlyList<SessionEvent> taken, IEnumerable<NewEvent> last, IReadOnlyList<UsageRow> usage, RunMetrics metrics, CancellationToken ct)
    {
        var waits = reason.Type == StopReason.RequiresActionType;
        var run = Run! with
        {
            Status = waits ? RunStatus.Waiting : RunStatus.Ended,
            StopReason = reason.Type,
            EndedAt = waits ? null : _time.GetUtcNow(),
        };
        await AppendAsync(run, SessionStatus.Idle, taken, [.. last, new NewEvent(new SessionStatusIdle(reason))], usage, ct);
        if (!waits) metrics.Ended(reason.Type, run);
    }

    /// <summary>Tells watchers of a message that is being produced.</summary>
    public void Preview(FeedItem item) => _feed.Publish(Scope.Tenant, Session.Id, [item]);

    private double TakeActiveSeconds(SessionStatus? status, DateTimeOffset now)
    {
        if (status == SessionStatus.Running) _activeSince ??= now;
        if (status is not (SessionStatus.Idle or SessionStatus.Terminated) || _activeSince is not { } since) return 0;
        _activeSince = null;
        return (now - since).TotalSeconds;
    }

    private async Task ReadAsync(ISessionStore sessions, CancellationToken ct)
    {
        IReadOnlyList<SessionEvent> events;
        do
        {
            events = await sessions.ReadAsync(Session.Id, State.LastSeq, ReadMax, ct);
            foreach (var e in events) State.Fold(e);
        }
        while (events.Count == ReadMax);
    }
}
