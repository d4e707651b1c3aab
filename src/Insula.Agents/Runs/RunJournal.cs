using Insula.Agents.Budgets;
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

    private Conversation? _conversation;

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

    /// <summary>What the log says to a model. It grows with the log: a run of many steps asks for it at each.</summary>
    public Conversation Conversation => _conversation = _conversation?.Grow(State.Log) ?? Conversation.Of(State.Log);

    /// <summary>Set with the first step that costs something.</summary>
    public BudgetPath? BudgetPath { get; set; }

    /// <summary>Whether the holds of workers before this one are settled.</summary>
    public bool BudgetTakenUp { get; set; }

    /// <summary>Claims the session and reads its log; null when the session is missing.</summary>
    public static async Task<RunJournal?> OpenAsync(ITenantStores stores, SessionFeed feed, TimeProvider time, TenantScope scope, Id<Session> id, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        if (await store.Sessions.ClaimAsync(id, ct) is not { } session) return null;
        var journal = new RunJournal(stores, feed, time, scope, session, await store.Sessions.FindOpenRunAsync(id, ct));
        await journal.ReadAsync(store.Sessions, ct);
        journal.State.KeepLastEnded();
        return journal;
    }

    /// <summary>Whether nobody had appended anything unread when this worker appended last, and it did nothing since.</summary>
    public bool IsFresh { get; private set; }

    /// <summary>Folds what was appended since, by clients or by this worker.</summary>
    public async Task ReadAsync(CancellationToken ct)
    {
        IsFresh = false;
        await using var store = await _stores.OpenAsync(Scope, ct);
        await ReadAsync(store.Sessions, ct);
    }

    /// <summary>Whether a person interrupted since this worker last read the log. May be asked while a step is under way.</summary>
    public async Task<bool> IsInterruptedAsync(CancellationToken ct)
    {
        await using var store = await _stores.OpenAsync(Scope, ct);
        var news = await store.Sessions.ReadAsync(Session.Id, State.LastSeq, ReadMax, ct);
        return news.Any(e => e.Body is UserInterrupt interrupt && e.Seq > State.LastSeq && interrupt.Ends(State.OpenRun));
    }

    /// <summary>
    /// Appends what the run did and folds it. <paramref name="taken"/> are the inputs it takes up. Throws
    /// <see cref="FencedOffException"/> when another worker has the session, and <see cref="OvertakenException"/> when input
    /// is to be taken up and there is something unread: it may be what settled that input.
    /// </summary>
    public async Task AppendAsync(
        Run? run, SessionStatus? status, IReadOnlyList<SessionEvent> taken, IReadOnlyList<NewEvent> events, IReadOnlyList<UsageRow> usage, CancellationToken ct)
    {
        run = run is null ? null : run with { Usage = usage.Aggregate(run.Usage, static (sum, row) => sum + row.Tokens) };
        await AppendAsync(run, run?.Id, status, taken, events, usage, ct);
        Run = run is { IsOver: true } ? null : run;
    }

    /// <summary>Settles input that no run takes up; the open run, if there is one, goes on.</summary>
    public Task DropAsync(IReadOnlyList<SessionEvent> input, CancellationToken ct) => AppendAsync(run: null, takenBy: null, status: null, input, [], [], ct);

    private async Task AppendAsync(
        Run? run, Id<Run>? takenBy, SessionStatus? status, IReadOnlyList<SessionEvent> taken, IReadOnlyList<NewEvent> events, IReadOnlyList<UsageRow> usage, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var inputs = taken.Select(t => t.Id).ToList();
        var active = ActiveSeconds(status, now);
        IsFresh = false;
        IReadOnlyList<SessionEvent> appended;
        await using (var store = await _stores.OpenAsync(Scope, ct))
        {
            appended = await store.Sessions.AppendAsync(
                new RunAppend(Session.Id, Session.Epoch, run, events, inputs, takenBy, usage, status, active.Charged, now) { Seen = inputs.Count > 0 ? State.LastSeq : null }, ct);
            _activeSince = active.Since;
            State.TakeUp(inputs, takenBy, now);

            // A client may have appended in between: then the log is read, so that nothing is folded out of order.
            if (appended.Count > 0 && appended[0].Seq != State.LastSeq + 1) await ReadAsync(store.Sessions, ct);
            else foreach (var e in appended) State.Fold(e);
        }

        IsFresh = appended.Count > 0;
        _feed.Publish(Scope.Tenant, Session.Id, appended);
    }

    /// <summary>
    /// Stops the run for <paramref name="reason"/> with these as its last events: it ends, or waits when action is
    /// required. The one way that a run stops. <paramref name="why"/> is the run's own reason, where it is another.
    /// </summary>
    public async Task StopAsync(
        StopReason reason, IReadOnlyList<SessionEvent> taken, IEnumerable<NewEvent> last, IReadOnlyList<UsageRow> usage, RunMetrics metrics, CancellationToken ct, string? why = null)
    {
        var waits = reason.Type == StopReason.RequiresActionType;
        NewEvent[] events = [.. last, new NewEvent(new SessionStatusIdle(reason))];
        var run = Run! with
        {
            Status = waits ? RunStatus.Waiting : RunStatus.Ended,
            StopReason = why ?? reason.Type,
            EndedAt = waits ? null : _time.GetUtcNow(),
            Error = events.Select(static e => e.Body).OfType<SessionError>().LastOrDefault()?.Error,
        };
        await AppendAsync(run, SessionStatus.Idle, taken, events, usage, ct);
        if (!waits) metrics.Ended(run.StopReason, run);
    }

    /// <summary>Gives the session up, for good, with these as its last events.</summary>
    public async Task TerminateAsync(ErrorDetail error, IEnumerable<NewEvent> last, RunMetrics metrics, CancellationToken ct)
    {
        var run = Run is null ? null : Run with { Status = RunStatus.Terminated, StopReason = error.Type, EndedAt = _time.GetUtcNow(), Error = error };
        await AppendAsync(run, SessionStatus.Terminated, State.NewInput, [.. last, new NewEvent(new SessionError(error)), new NewEvent(new SessionStatusTerminated())], [], ct);
        if (run is not null) metrics.Ended(error.Type, run);
    }

    /// <summary>Who began the open run: the sender of the message that it has its digits from.</summary>
    public string? Principal => Run is null ? null : State.Principal;

    /// <summary>
    /// Names the model call that is due. It follows from what was said in the run so far, so whoever makes the call again
    /// after a crash gives it the same name, and a call about anything else has another one. What is settled meanwhile of
    /// the input behind the run changes nothing.
    /// </summary>
    public string StepKey => $"{Run!.Id}-{State.Said}";

    /// <summary>Tells watchers of a message that is being produced.</summary>
    public void Preview(FeedItem item) => _feed.Publish(Scope.Tenant, Session.Id, [item]);

    /// <summary>What an append with this status charges as active, and since when the session is active after it.</summary>
    private (double Charged, DateTimeOffset? Since) ActiveSeconds(SessionStatus? status, DateTimeOffset now) => status switch
    {
        SessionStatus.Running => (0, _activeSince ?? now),
        SessionStatus.Idle or SessionStatus.Terminated when _activeSince is { } since => ((now - since).TotalSeconds, null),
        _ => (0, _activeSince),
    };

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
