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
    ITenantStores stores, SessionFeed feed, ModelCalls models, ToolBox tools, RunOptions options, RunMetrics metrics, TimeProvider time, ILogger<SessionWorker> log)
{
    private const string Interrupted = "A person interrupted the run before this call ended; its outcome is unknown.";
    private const string Lost = "The server stopped before this call's outcome was recorded, and the tool cannot be asked again safely; its outcome is unknown.";

    /// <summary>Returns when the session has no work. Throws <see cref="FencedOffException"/> when another worker took it.</summary>
    public async Task WorkAsync(TenantScope scope, RunLease lease, WorkSignals signals, CancellationToken ct)
    {
        do
        {
            if (await RunJournal.OpenAsync(stores, feed, time, scope, lease.Entry.Session, ct) is { } journal) await WorkThroughAsync(journal, signals, ct);
        }
        while (await lease.SettleAsync(again: null, ct));
    }

    private async Task WorkThroughAsync(RunJournal journal, WorkSignals signals, CancellationToken ct)
    {
        // A call that was allowed to run when the session was claimed may have run under the worker before.
        var begun = new HashSet<Id<SessionEvent>>(journal.State.OpenCalls.Where(c => c.Standing == CallStanding.Allowed).Select(c => c.Id));
        using var watching = signals.Watch(journal.IsInterruptedAsync);
        while (true)
        {
            var attention = signals.NextAttention();
            await journal.ReadAsync(ct);
            var step = NextStep.Decide(journal.State, options.StepsMax);
            if (step is NextStep.Nothing) return;
            using var interruptible = CancellationTokenSource.CreateLinkedTokenSource(ct, attention);
            try
            {
                await TakeAsync(step, journal, begun, interruptible.Token, ct);
            }
            catch (OperationCanceledException) when (attention.IsCancellationRequested && !ct.IsCancellationRequested)
            {
                // Somebody asks for attention: the log says what for.
            }
        }
    }

    private Task TakeAsync(NextStep step, RunJournal journal, HashSet<Id<SessionEvent>> begun, CancellationToken attention, CancellationToken ct) => step switch
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
        NextStep.CallModel => models.CallAsync(journal, begin: null, attention, ct),
        NextStep.RunTool run => RunToolAsync(journal, run.Call, mayHaveRun: !begun.Add(run.Call.Id), attention, ct),
        NextStep.RefuseTool refuse => RecordResultAsync(journal, refuse.Call, ToolOutcome.Error(WhyRefused(refuse.Call)), ct),
        NextStep.Wait wait => journal.StopAsync(StopReason.RequiresAction(wait.On), [], [], [], metrics, ct),
        NextStep.Interrupt interrupt => journal.StopAsync(StopReason.EndTurn, interrupt.Input, Settle(journal.State), [], metrics, ct),
        NextStep.GiveUp => journal.StopAsync(StopReason.RetriesExhausted, [], [new NewEvent(TooManySteps())], [], metrics, ct),
        NextStep.End => journal.StopAsync(StopReason.EndTurn, [], [], [], metrics, ct),
        _ => throw new InvalidOperationException($"No way to take the step {step.GetType().Name}."),
    };

    /// <summary>The run's beginning and its first model request are one append: nothing is to be done between them.</summary>
    private async Task StartAsync(RunJournal journal, NextStep.Start start, CancellationToken attention, CancellationToken ct)
    {
        var run = new Run(Id<Run>.New(), journal.Session.Id, RunStatus.Running, StopReason: null, Steps: 0, time.GetUtcNow(), EndedAt: null);
        metrics.Started();
        await models.CallAsync(journal, new RunBegin(run, start.Input), attention, ct);
    }

    private async Task RunToolAsync(RunJournal journal, OpenCall call, bool mayHaveRun, CancellationToken attention, CancellationToken ct)
    {
        var tool = tools.Find(call.Name);
        if (tool is null)
        {
            await RecordResultAsync(journal, call, ToolOutcome.Error(tools.WhyRefused(call.Name)), ct);
            return;
        }

        if (mayHaveRun && !tool.Idempotent)
        {
            await RecordResultAsync(journal, call, ToolOutcome.Error(Lost), ct);
            return;
        }

        ToolOutcome outcome;
        try
        {
            outcome = await tool.RunAsync(new ToolCall(journal.Scope, journal.Session.Id, $"{journal.Run!.Id}/{call.Id}", call.Input), attention);
        }
        catch (Exception e) when (!attention.IsCancellationRequested)
        {
            // The model may know another way; the reason is for the operator, since it may name what the tenant must not see.
            RunLog.ToolFailed(log, e, journal.Session.Id, call.Name);
            outcome = ToolOutcome.Error($"The tool {call.Name} failed. Try again, or go on without it.");
        }

        await RecordResultAsync(journal, call, outcome, ct);
    }

    private async Task RecordResultAsync(RunJournal journal, OpenCall call, ToolOutcome outcome, CancellationToken ct)
    {
        var run = journal.Run! with { Steps = journal.Run.Steps + 1 };
        await journal.AppendAsync(
            run,
            status: null,
            [],
            [new NewEvent(new AgentToolResult(call.Id, [ContentBlock.OfText(outcome.Text)], outcome.IsError))],
            [new UsageRow(Id<UsageRow>.New(), run.Session, run.Id, UsageRow.Tool, call.Name, default, time.GetUtcNow())],
            ct);
        metrics.ToolCalled(outcome.IsError);
    }

    /// <summary>Closes what an interrupt leaves open, so that the log stays well-formed: a request ends, a call has a result.</summary>
    private static List<NewEvent> Settle(SessionState state)
    {
        var events = new List<NewEvent>();
        if (state.OpenRequest is { } request) events.Add(new NewEvent(SpanModelRequestEnd.Failed(request)));
        events.AddRange(state.OpenCalls
            .Where(c => c.Standing != CallStanding.AwaitsClient)
            .Select(c => new NewEvent(new AgentToolResult(c.Id, [ContentBlock.OfText(Interrupted)], IsError: true))));
        return events;
    }

    private string WhyRefused(OpenCall call) =>
        call.DenyMessage is { Length: > 0 } why ? $"A person refused this call: {why}"
        : call.Confirmed ? "A person refused this call."
        : tools.WhyRefused(call.Name);

    private SessionError TooManySteps() => new(new ErrorDetail(
        "tool_use_limit_reached_error",
        $"The run took {options.StepsMax} steps, which is the most that one run may take. Send a message to go on.",
        RetryStatus.Exhausted));
}
