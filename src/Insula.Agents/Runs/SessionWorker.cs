using Insula.Agents.Budgets;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// Works through one session: claims it, folds its log, and takes one step after the other until the log says that
/// nothing is to do. Whatever it does not finish stands in the log, and the next worker goes on from there.
/// </summary>
internal sealed class SessionWorker(
    ITenantStores stores, SessionFeed feed, ModelCalls models, ToolBox tools, RunOptions options, RunMetrics metrics, TimeProvider time, ChildSessions children, ILogger<SessionWorker> log)
{
    private const string Interrupted = "A person interrupted the run before this call ended; its outcome is unknown.";
    private const string OverLimit = "The run reached a limit before this call ended; its outcome is unknown.";
    private const string Unpaid = "The run stopped here for want of money.";
    private const string GivenUp = "The server stopped too often while this run was under way, and the run was given up; the outcome of this call is unknown.";
    private const string Expired = "Nobody answered in time, so this call was not made. Go on without it, or ask again.";
    private const string Lost = "The server stopped before this call's outcome was recorded, and the tool cannot be asked again safely; its outcome is unknown.";

    /// <summary>How long a call without an outcome is left alone if nobody wakes the session.</summary>
    private static readonly TimeSpan PendingWait = TimeSpan.FromSeconds(30);

    /// <summary>Returns when the session has no work. Throws <see cref="FencedOffException"/> when another worker took it.</summary>
    public async Task WorkAsync(TenantScope scope, RunLease lease, WorkSignals signals, CancellationToken ct)
    {
        using var work = metrics.AtWork();
        DateTimeOffset? again;
        IReadOnlyList<EndedRun> ended;
        do
        {
            (again, ended) = (null, []);
            if (await RunJournal.OpenAsync(stores, feed, time, scope, lease.Entry.Session, ct) is not { } journal) continue;
            again = await WorkThroughAsync(journal, lease, signals, ct);
            if (journal.Session.Parent is { } parent && !journal.State.RunOpen) await children.WakeParentAsync(scope, parent, ct);
            ended = journal.State.Ended;
            RunLog.At(log, lease.Entry.Session, RunPoint.BeforeSettle);
        }
        while (await lease.SettleAsync(again, ended, ct));
    }

    /// <summary>Goes on until there is nothing to do; when to look again, if nothing comes before.</summary>
    private async Task<DateTimeOffset?> WorkThroughAsync(RunJournal journal, RunLease lease, WorkSignals signals, CancellationToken ct)
    {
        // A call that was allowed to run when the session was claimed may have run under the worker before.
        var begun = new HashSet<Id<SessionEvent>>(journal.State.OpenCalls.Where(c => c.Standing == CallStanding.Allowed).Select(c => c.Id));
        if (lease.Abandoned >= options.AttemptsMax && journal.State.RunOpen)
        {
            await GiveUpAsync(journal, lease, ct);
            return null;
        }

        RunLog.At(log, journal.Session.Id, RunPoint.Claimed);
        var limits = RunLimits.Of(options, journal.Session.Agent.RunLimits);
        var pass = new Pass(journal, limits, begun);
        using var watching = signals.Watch(journal.IsInterruptedAsync);
        while (true)
        {
            // An append that found the log as this worker knows it is as good as a read, unless somebody called since.
            var attention = signals.NextAttention(out var called);
            if (called || !journal.IsFresh) await journal.ReadAsync(ct);
            var now = time.GetUtcNow();
            var step = NextStep.Decide(journal.State, limits, now, pass.Pending, pass.Intended);
            if (step is NextStep.Nothing) return LookAgainAt(journal.State, pass.Pending, now);
            using var overtime = new CancellationTokenSource(LeftOf(limits, journal.State, now), time);
            using var interruptible = CancellationTokenSource.CreateLinkedTokenSource(ct, attention, overtime.Token);
            try
            {
                if (step is NextStep.Interrupt or NextStep.GiveUp) await InterruptChildrenAsync(journal, ct);
                await TakeAsync(step, pass, journal, interruptible.Token, ct);
                if (step is NextStep.CallModel or NextStep.Start or NextStep.RunTool)
                {
                    models.Meter.Recorded(journal.Scope.Tenant);
                    await lease.ProgressedAsync(ct);
                }
            }
            catch (OperationCanceledException) when (interruptible.IsCancellationRequested && !ct.IsCancellationRequested)
            {
                // Somebody asks for attention, or the run's time is over: the log says what for.
            }
            catch (OvertakenException)
            {
                // Something came that this worker has not read, which may be that the input was taken back.
            }
        }
    }

    private async Task GiveUpAsync(RunJournal journal, RunLease lease, CancellationToken ct)
    {
        await InterruptChildrenAsync(journal, ct);
        while (true)
        {
            try
            {
                await journal.TerminateAsync(KilledItsWorkers(lease.Abandoned), Settle(journal.State, GivenUp), metrics, ct);
                return;
            }
            catch (OvertakenException)
            {
                await journal.ReadAsync(ct);
            }
        }
    }

    private async Task InterruptChildrenAsync(RunJournal journal, CancellationToken ct)
    {
        if (journal.Run is not { } run || !journal.State.OpenCalls.Any(static c => c.Name == RunAgent.ToolName)) return;
        await children.InterruptAsync(journal.Scope, journal.Session.Id, run.Id, ct);
    }

    private DateTimeOffset? LookAgainAt(SessionState state, HashSet<Id<SessionEvent>> pending, DateTimeOffset now) =>
        pending.Count > 0 ? now + PendingWait
        : state is { RunOpen: true, Waiting: true } ? state.WaitingSince + options.AnswerWait
        : null;

    private static TimeSpan LeftOf(RunLimits limits, SessionState state, DateTimeOffset now)
    {
        var left = limits.Time - state.ActiveFor(now);
        return state.RunOpen && left > TimeSpan.Zero ? left : limits.Time;
    }

    private Task TakeAsync(NextStep step, Pass pass, RunJournal journal, CancellationToken attention, CancellationToken ct) => step switch
    {
        NextStep.Start start => StartAsync(journal, start, attention, ct),
        NextStep.Note note => journal.AppendAsync(journal.Run, status: null, note.Input, [], [], ct),
        NextStep.Resume resume => journal.AppendAsync(
            journal.Run! with { Status = RunStatus.Running, StopReason = null },
            SessionStatus.Running,
            resume.Input,
            journal.State.Waiting ? [new NewEvent(new SessionStatusRunning())] : [],
            [],
            ct),
        NextStep.CloseLostRequest lost => journal.AppendAsync(
            journal.Run, status: null, [], [new NewEvent(SpanModelRequestEnd.Failed(lost.Request))], [], ct),
        NextStep.CallModel => models.CallAsync(journal, begin: null, pass.TakeIntended(), attention, ct),
        NextStep.Drop drop => journal.DropAsync(drop.Input, ct),
        NextStep.RunTool run => RunToolAsync(pass, run.Call, attention, ct),
        NextStep.RefuseTool refuse => RecordResultAsync(pass, refuse.Call, ToolOutcome.Error(WhyRefused(refuse.Call)), ct),
        NextStep.Wait wait => journal.StopAsync(StopReason.RequiresAction(wait.On), [], [], [], metrics, ct),
        NextStep.Interrupt interrupt => journal.StopAsync(
            StopReason.EndTurn, interrupt.Input, Ending(journal, interrupt), [], metrics, ct, interrupt.Rollback ? Run.RolledBack : Run.Interrupted),
        NextStep.Expire expire => ExpireAsync(journal, expire.Calls, ct),
        NextStep.GiveUp over => journal.StopAsync(
            StopReason.RetriesExhausted, [], [.. Settle(journal.State, OverLimit), new NewEvent(Reached(over.Limit, pass.Limits))], [], metrics, ct, Run.LimitReached),
        NextStep.End => journal.StopAsync(StopReason.EndTurn, [], [], [], metrics, ct),
        _ => throw new InvalidOperationException($"No way to take the step {step.GetType().Name}."),
    };

    /// <summary>The run's beginning and its first model request are one append: nothing is to be done between them.</summary>
    private async Task StartAsync(RunJournal journal, NextStep.Start start, CancellationToken attention, CancellationToken ct)
    {
        var message = start.Input.First(static e => e.Body is UserMessage);
        var run = Run.QueuedBy(message.Id, journal.Session.Id, message.CreatedAt) with { Status = RunStatus.Running, StartedAt = time.GetUtcNow() };
        await models.CallAsync(journal, new RunBegin(run, start.Input), intended: null, attention, ct);
    }

    private async Task RunToolAsync(Pass pass, OpenCall call, CancellationToken attention, CancellationToken ct)
    {
        var journal = pass.Journal;
        var mayHaveRun = !pass.Begun.Add(call.Id);
        var tool = tools.Find(call.Name);
        if (tool is null)
        {
            await RecordResultAsync(pass, call, ToolOutcome.Error(tools.WhyRefused(call.Name)), ct);
            return;
        }

        if (mayHaveRun && tool.Repeat == ToolRepeat.Never)
        {
            await RecordResultAsync(pass, call, ToolOutcome.Unknown(Lost), ct);
            return;
        }

        // Priced before it is asked, under the id that what is held for it has.
        var usage = models.Meter.Tool(journal, call.Name, time.GetUtcNow());
        if (!await IsFundedAsync(pass, usage, unmade: mayHaveRun ? null : call.Id, attention, ct)) return;

        ToolOutcome outcome;
        RunLog.At(log, journal.Session.Id, RunPoint.BeforeTool);
        try
        {
            outcome = await tool.RunAsync(new ToolCall(journal.Scope, journal.Session.Id, $"{journal.Run!.Id}/{call.Id}", call.Input) { ToolUse = call.Id, Principal = journal.Principal }, attention);
        }
        catch (Exception) when (attention.IsCancellationRequested)
        {
            await GiveBackAsync(journal, usage);
            throw;
        }
        catch (Exception e)
        {
            // The model may know another way; the reason is for the operator, since it may name what the tenant must not see.
            RunLog.ToolFailed(log, e, journal.Session.Id, call.Name);
            outcome = tool.Repeat == ToolRepeat.Never
                ? ToolOutcome.Unknown($"The tool {call.Name} failed before it answered; whether the call had its effect is unknown. Find that out before you call it again.")
                : ToolOutcome.Error($"The tool {call.Name} failed. Try again, or go on without it.");
        }

        RunLog.At(log, journal.Session.Id, RunPoint.AfterTool);

        if (ReferenceEquals(outcome, ToolOutcome.Pending))
        {
            // It is asked again, and pays then.
            pass.Pending.Add(call.Id);
            await GiveBackAsync(journal, usage);
            return;
        }

        try
        {
            await RecordResultAsync(pass, call, outcome, ct, usage);
        }
        finally
        {
            models.Funds?.Recorded(usage, funded: null);
        }
    }

    /// <summary>Whether there is money for the call; else the run has stopped for want of it.</summary>
    private async Task<bool> IsFundedAsync(Pass pass, UsageRow usage, Id<SessionEvent>? unmade, CancellationToken attention, CancellationToken ct)
    {
        if (models.Funds is not { } funds) return true;
        try
        {
            await funds.TakeAsync(pass.Journal, usage, attention);
            return true;
        }
        catch (FundsException e)
        {
            await InterruptChildrenAsync(pass.Journal, ct);
            await pass.Journal.StopAsync(StopReason.BudgetReached, [], [.. Settle(pass.Journal.State, Unpaid, unmade), ModelCalls.Unfunded(e.Message)], [], metrics, ct);
            return false;
        }
    }

    private Task GiveBackAsync(RunJournal journal, UsageRow usage) => models.Funds?.GiveBackAsync(journal, usage.Id) ?? Task.CompletedTask;

    /// <summary>
    /// The result, and with it the intent of the model request that it leads to: one append, since nothing is to be done
    /// between them.
    /// </summary>
    /// <param name="usage">Null when the tool was not asked.</param>
    private async Task RecordResultAsync(Pass pass, OpenCall call, ToolOutcome outcome, CancellationToken ct, UsageRow? usage = null)
    {
        var (journal, request) = (pass.Journal, pass.LeadsToModel(outcome) ? new NewEvent(new SpanModelRequestStart()) : null);
        var run = journal.Run! with { Steps = journal.Run.Steps + 1 + outcome.Steps + (request is null ? 0 : 1) };
        var result = new NewEvent(new AgentToolResult(
            call.Id, [ContentBlock.OfText(outcome.Text)], outcome.IsError, outcome.IsUnknown ? AgentToolResult.Unknown : null, outcome.Steps > 0 ? outcome.Steps : null, CostOf(usage, outcome)));
        await journal.AppendAsync(
            run,
            status: null,
            [],
            request is null ? [result] : [result, request],
            [usage ?? models.Meter.Unasked(journal, call.Name)],
            ct);
        pass.Intended = request?.Id;
        metrics.ToolCalled(outcome.IsError);
        RunLog.At(log, run.Session, RunPoint.AfterToolResult);
    }

    private static long? CostOf(UsageRow? usage, ToolOutcome outcome) => outcome.CostMicros + (usage?.CostMicros ?? 0) is > 0 and var cost ? cost : null;

    /// <summary>What nobody answered in time becomes an error that the model sees, and the run goes on.</summary>
    private Task ExpireAsync(RunJournal journal, IReadOnlyList<OpenCall> calls, CancellationToken ct) => journal.AppendAsync(
        journal.Run! with { Status = RunStatus.Running, StopReason = null },
        SessionStatus.Running,
        [],
        [new NewEvent(new SessionStatusRunning()), .. calls.Select(c => new NewEvent(new AgentToolResult(c.Id, [ContentBlock.OfText(Expired)], IsError: true)))],
        [],
        ct);

    private static List<NewEvent> Ending(RunJournal journal, NextStep.Interrupt interrupt)
    {
        var events = Settle(journal.State, Interrupted);
        if (interrupt.Rollback) events.Add(new NewEvent(new SessionRunRolledBack(journal.Run!.Id)));
        return events;
    }

    /// <summary>Closes what the end of a run leaves open, so that the log stays well-formed: a request ends, a call has a result.</summary>
    /// <param name="unmade">A call of which it is certain that nobody made it.</param>
    private static List<NewEvent> Settle(SessionState state, string why, Id<SessionEvent>? unmade = null)
    {
        var events = new List<NewEvent>();
        if (state.OpenRequest is { } request) events.Add(new NewEvent(SpanModelRequestEnd.Failed(request)));
        events.AddRange(state.OpenCalls
            .Where(c => c.Standing != CallStanding.AwaitsClient)
            .Select(c => new NewEvent(new AgentToolResult(
                c.Id, [ContentBlock.OfText(why)], IsError: true, c.Standing == CallStanding.Allowed && c.Id != unmade ? AgentToolResult.Unknown : null))));
        return events;
    }

    private string WhyRefused(OpenCall call) =>
        call.DenyMessage is { Length: > 0 } why ? $"A person refused this call: {why}"
        : call.Confirmed ? "A person refused this call."
        : tools.WhyRefused(call.Name);

    private static SessionError Reached(RunLimit limit, RunLimits limits) => new(new ErrorDetail(
        limit == RunLimit.Steps ? "tool_use_limit_reached_error" : "run_limit_reached_error", limits.Describe(limit), RetryStatus.Exhausted));

    private static ErrorDetail KilledItsWorkers(int times) => new(
        "run_abandoned_error",
        $"The server stopped {times} times in a row while it worked on this run, and the run was given up. Fork the session before the message that began it to go on.",
        RetryStatus.Terminal);

    /// <summary>One worker's way through a session.</summary>
    /// <param name="Begun">Calls that ran, or may have run under a worker before.</param>
    private sealed record Pass(RunJournal Journal, RunLimits Limits, HashSet<Id<SessionEvent>> Begun)
    {
        /// <summary>Calls that were asked here and have no outcome yet.</summary>
        public HashSet<Id<SessionEvent>> Pending { get; } = [];

        /// <summary>A model request that this worker recorded and has not made.</summary>
        public Id<SessionEvent>? Intended { get; set; }

        /// <summary>Whether the outcome of the only open call leaves nothing to do but to ask the model.</summary>
        public bool LeadsToModel(ToolOutcome outcome)
        {
            var state = Journal.State;
            return state.NewInput.Count == 0 && !state.Waiting && state.OpenCalls.Count() == 1
                && state.Steps + 1 + outcome.Steps < Limits.Steps && state.Tokens < Limits.Tokens;
        }

        public Id<SessionEvent>? TakeIntended()
        {
            var request = Intended;
            Intended = null;
            return request;
        }
    }
}
