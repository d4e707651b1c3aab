using Insula.Agents.Budgets;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Tenancy.Identity;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>The run that a model call begins, with the input that it takes up.</summary>
internal sealed record RunBegin(Run Run, IReadOnlyList<SessionEvent> Input);

/// <summary>
/// The model step: intent in the log, the call, its result with the usage row in one append. A failed call is tried again
/// on the schedule, each attempt visible in the log; when the schedule ends, so does the run.
/// </summary>
/// <param name="funds">Null where no budgets are kept.</param>
internal sealed class ModelCalls(ModelCatalog catalog, ToolBox tools, RunOptions options, RunMetrics metrics, Meter meter, TimeProvider time, ILogger<ModelCalls> log, TokenPace pace, StepFunds? funds = null)
{
    /// <summary>Counts what steps use, of tools as of models.</summary>
    public Meter Meter => meter;

    /// <summary>Pays for steps, of tools as of models; null where no budgets are kept.</summary>
    public StepFunds? Funds => funds;

    /// <summary>
    /// Calls the model until it answers or there is no use in trying. <paramref name="begin"/> is given for a run's first
    /// call, <paramref name="intended"/> when the first request stands in the log already. <paramref name="attention"/> ends
    /// the call and the waiting, never an append under way.
    /// </summary>
    public async Task CallAsync(RunJournal journal, RunBegin? begin, Id<SessionEvent>? intended, CancellationToken attention, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            // Before the intent, so that nothing stands open while the run waits.
            await pace.WaitAsync(journal.Scope, attention);
            var request = intended ?? await IntendAsync(journal, begin, ct);
            (begin, intended) = (null, null);
            var asking = new Asking(request, Id<UsageRow>.New(), time.GetUtcNow());
            RunLog.At(log, journal.Session.Id, RunPoint.AfterModelIntent);
            try
            {
                await AskAsync(journal, asking, attention, ct);
                return;
            }
            catch (FundsException e)
            {
                await journal.StopAsync(StopReason.BudgetReached, [], [new(SpanModelRequestEnd.Failed(request)), Unfunded(e.Message)], [], metrics, ct);
                return;
            }
            catch (ModelException e)
            {
                var delay = RetrySchedule.Next(attempt, e, Random.Shared.NextDouble());
                await RecordFailureAsync(journal, asking, e, retries: delay is not null, ct);
                if (delay is null) return;
                await Task.Delay(delay.Value, time, attention);
            }
        }
    }

    /// <summary>What the session hears when there is no money.</summary>
    public static NewEvent Unfunded(string why) => new(new SessionError(new ErrorDetail("billing_error", why, RetryStatus.Exhausted)));

    private async Task<Id<SessionEvent>> IntendAsync(RunJournal journal, RunBegin? begin, CancellationToken ct)
    {
        var request = new NewEvent(new SpanModelRequestStart());
        var run = begin?.Run ?? journal.Run!;
        var announce = begin is not null || journal.State.Rescheduled;
        RunLog.At(log, journal.Session.Id, RunPoint.BeforeModelIntent);
        await journal.AppendAsync(
            run with { Steps = run.Steps + 1 },
            announce ? SessionStatus.Running : null,
            begin?.Input ?? [],
            announce ? [new NewEvent(new SessionStatusRunning()), request] : [request],
            [],
            ct);
        if (begin is not null) metrics.Started();
        return request.Id;
    }

    private async Task AskAsync(RunJournal journal, Asking asking, CancellationToken attention, CancellationToken ct)
    {
        var agent = journal.Session.Agent;
        if (catalog.Resolve(agent.Model.Id).Failed(out var unknown, out var model)) throw new ModelException(ModelFailure.Refused, unknown.Message, retryable: false);
        var (system, messages) = journal.Conversation.For(agent.System);
        var request = new ModelRequest(journal.Scope, model.Name, system, messages, tools.Offer(agent), options.OutputTokensMax) { IdempotencyKey = journal.StepKey };
        if (funds is not null) asking = asking with { Funded = await funds.TakeAsync(journal, asking.Usage, model, request, asking.Began, attention) };
        if (asking.Funded is { Lack: not null } less) request = request with { MaxTokens = less.MaxTokens, IsCapped = true };
        var turn = new ModelTurn(tools);
        var began = time.GetTimestamp();
        try
        {
            await turn.AskAsync(model.Provider, request, journal.Preview, asking.Funded?.Money, attention);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested && turn.UsedWhenCut(model.Provider, request) is { } used)
        {
            await RecordCutAsync(journal, asking, used, ct);
            throw;
        }
        catch (Exception e) when (funds is not null && e is not ModelException)
        {
            await funds.GiveBackAsync(journal, asking.Usage);
            throw;
        }

        metrics.ModelAnswered(model.Provider.Name, turn.Usage, time.GetElapsedTime(began));
        RunLog.At(log, journal.Session.Id, RunPoint.BeforeModelResult);
        await RecordAnswerAsync(journal, asking, turn, ct);
        await pace.ChargeAsync(journal.Scope, turn.Usage, ct);
        RunLog.At(log, journal.Session.Id, RunPoint.AfterModelResult);
    }

    /// <summary>A turn without tool calls ends the run in the same append, so that an answer is never seen without its end.</summary>
    private async Task RecordAnswerAsync(RunJournal journal, Asking asking, ModelTurn turn, CancellationToken ct)
    {
        var run = journal.Run!;
        var row = RowFor(journal, asking, turn.Usage);
        List<NewEvent> events =
        [
            .. turn.ToEvents(journal.Session.Agent),
            EndOf(asking, row, turn.IsOverMoney),
        ];
        if (turn.CallsTools)
        {
            await RecordAsync(asking, row, () => journal.AppendAsync(run, status: null, [], events, [row], ct));
            return;
        }

        var cut = WhyCut(asking, turn, row.Name);
        if (cut is not null) events.Add(Unfunded(cut));
        var reason = cut is not null ? StopReason.BudgetReached : turn.Stop == ModelStop.Refusal ? StopReason.Refusal : StopReason.EndTurn;
        await RecordAsync(asking, row, () => journal.StopAsync(reason, [], events, [row], metrics, ct));
    }

    /// <summary>Null for an answer that money did not make shorter.</summary>
    private string? WhyCut(Asking asking, ModelTurn turn, string model) =>
        turn.IsOverMoney ? funds!.Cut(asking.Funded!, model)
        : turn.Stop == ModelStop.MaxTokens && asking.Funded?.Lack is { } lack ? $"The answer was cut where the money ended. {lack}"
        : null;

    /// <summary>A person, or the run's limit, ended the call: what it has cost by then is counted, by estimate, and the request is over.</summary>
    private Task RecordCutAsync(RunJournal journal, Asking asking, TokenUsage used, CancellationToken ct)
    {
        var row = RowFor(journal, asking, used);
        return RecordAsync(asking, row, () => journal.AppendAsync(journal.Run!, status: null, [], [EndOf(asking, row, isError: true)], [row], ct));
    }

    /// <summary>Whatever becomes of the append, what is held waits for the row: nobody else knows whether it came.</summary>
    private async Task RecordAsync(Asking asking, UsageRow row, Func<Task> append)
    {
        try
        {
            await append();
        }
        finally
        {
            funds?.Recorded(row, asking.Funded);
        }
    }

    private async Task RecordFailureAsync(RunJournal journal, Asking asking, ModelException failure, bool retries, CancellationToken ct)
    {
        metrics.ModelFailed(failure.Failure);
        var run = journal.Run!;
        List<NewEvent> events =
        [
            new(SpanModelRequestEnd.Failed(asking.Request)),
            new(new SessionError(new ErrorDetail(TypeOf(failure.Failure), failure.Message, retries ? RetryStatus.Retrying : RetryStatus.Exhausted))),
        ];
        var row = RowFor(journal, asking, default);
        if (retries)
        {
            events.Add(new NewEvent(new SessionStatusRescheduled()));
            await RecordAsync(asking, row, () => journal.AppendAsync(run, SessionStatus.Rescheduling, [], events, [row], ct));
            return;
        }

        await RecordAsync(asking, row, () => journal.StopAsync(StopReason.RetriesExhausted, [], events, [row], metrics, ct));
    }

    private static NewEvent EndOf(Asking asking, UsageRow row, bool isError) => new(
        new SpanModelRequestEnd(asking.Request, isError, new ModelUsage(row.Tokens.Input, row.Tokens.Output, row.Tokens.CacheRead, row.Tokens.CacheWrite))
        {
            CostMicros = row.CostMicros > 0 ? row.CostMicros : null,
        });

    private UsageRow RowFor(RunJournal journal, Asking asking, TokenUsage usage)
    {
        var asked = journal.Session.Agent.Model.Id;
        return meter.Model(journal, asking.Usage, catalog.Resolve(asked).Failed(out _, out var model) ? asked : model.FullName, usage, asking.Began);
    }

    private static string TypeOf(ModelFailure failure) => failure switch
    {
        ModelFailure.Overloaded => "model_overloaded_error",
        ModelFailure.RateLimited => "model_rate_limited_error",
        _ => "model_request_failed_error",
    };

    /// <summary>One attempt.</summary>
    /// <param name="Usage">The row that will say what it used.</param>
    private sealed record Asking(Id<SessionEvent> Request, Id<UsageRow> Usage, DateTimeOffset Began)
    {
        /// <summary>Null before there is money, and where nobody asks for any.</summary>
        public Funded? Funded { get; init; }
    }
}
