using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>What people may do to runs, and what ends them by itself, on real files with the test as the model.</summary>
public sealed class RunControlTests : RunTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task An_open_run_is_ended_in_its_step_and_the_message_behind_it_is_answered()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        var first = await runs.SayAsync(session, "one", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        var second = await runs.SayAsync(session, "two", Ct);
        Assert.Equal(RunStatus.Queued, (await RunOfAsync(session, second)).Status);

        await runs.SendAsync(session, new UserInterrupt(Run.IdOf(first)), Ct);
        await call.Left.Task.WaitAsync(Limit, Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("2").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);

        Assert.Equal((RunStatus.Ended, Run.Interrupted), Ending(await RunOfAsync(session, first)));
        Assert.Equal((RunStatus.Ended, "end_turn"), Ending(await RunOfAsync(session, second)));
        Assert.Equal(new TokenUsage(10, 5, 0, 0), (await RunOfAsync(session, second)).Usage);
    }

    [Fact]
    public async Task What_a_model_said_before_it_was_interrupted_is_counted()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        var message = await runs.SayAsync(session, "Tell me all of it, from the beginning.", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        await SayWatchedAsync(runs, session, call, "It begins with twelve tokens or so, which someone paid for.");

        await runs.SendAsync(session, new UserInterrupt(), Ct);
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);

        var end = Assert.Single(log.Select(static e => e.Body).OfType<SpanModelRequestEnd>());
        Assert.Equal((true, 10L, 15L), (end.IsError, end.ModelUsage.InputTokens, end.ModelUsage.OutputTokens));
        Assert.Equal(new TokenUsage(10, 15, 0, 0), (await RunOfAsync(session, message)).Usage);
        Assert.Equal(new TokenUsage(10, 15, 0, 0), (await runs.SessionAsync(session, Ct)).Usage);
    }

    [Fact]
    public async Task A_session_that_is_deleted_takes_its_run_with_it()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "one", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        watching.CancelAfter(Limit);
        var watched = WatchedAsync();

        Assert.Null((await runs.DeleteAsync(session, Ct).WaitAsync(Limit, Ct)).Fault);

        // The call was ended, the log said how before it went, and nobody asks the model again.
        await call.Left.Task.WaitAsync(Limit, Ct);
        var log = await watched;
        Assert.Equal(["end_turn"], log.OfType<SessionStatusIdle>().Select(static idle => idle.StopReason.Type));
        Assert.True(Assert.Single(log.OfType<SpanModelRequestEnd>()).IsError);
        Assert.Equal("session_not_found", (await runs.DeleteAsync(session, Ct)).Fault?.Code);
        Assert.Empty(await runs.RunsAsync(session, Ct));

        async Task<List<EventBody>> WatchedAsync()
        {
            List<EventBody> seen = [];
            await foreach (var item in runs.Feed.WatchAsync(runs.Scope, session, afterSeq: 0, watching.Token))
            {
                if (item is LoggedEvent logged) seen.Add(logged.Event.Body);
            }

            return seen;
        }
    }

    [Fact]
    public async Task A_session_whose_worker_does_not_stop_is_deleted_all_the_same_and_gets_nothing_more()
    {
        var stuck = new StuckTool();
        var runs = await StartAsync(stuck);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "one", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls(stuck.Name).Ends(ModelStop.ToolUse);
        await stuck.Entered.Task.WaitAsync(Limit, Ct);

        var deleting = runs.DeleteAsync(session, Ct);
        await runs.Clock.TimerArmedAsync(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2), Ct);
        runs.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Null((await deleting.WaitAsync(Limit, Ct)).Fault);

        stuck.Leave.SetResult();
        await runs.StopAsync();
        Assert.Empty(await runs.RunsAsync(session, Ct));
        Assert.Empty(await runs.LogAsync(session, Ct));
    }

    [Fact]
    public async Task A_queued_run_is_cancelled_while_the_one_before_it_goes_on_and_its_message_is_never_seen()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "one", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        var second = await runs.SayAsync(session, "two", Ct);
        await runs.SendAsync(session, new UserInterrupt(Run.IdOf(second)), Ct);
        await runs.SayAsync(session, "three", Ct);

        // The step under way is not for it to end.
        call.Says("1").Ends();
        var third = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(["one", "1", "three"], third.Request.Messages.Select(static m => ((TextContent)m.Content[0]).Text));
        third.Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.Equal((RunStatus.Ended, Run.Cancelled), Ending(await RunOfAsync(session, second)));
    }

    [Fact]
    public async Task A_queued_run_is_over_when_its_cancel_is_taken_though_its_worker_has_read_the_message_and_is_in_a_step()
    {
        var tool = new CountingTool("count", ToolRepeat.Always);
        var runs = await StartAsync(tool);
        var session = await runs.AddSessionAsync(Ct, new AgentToolset(new ToolDefaults(Enabled: true, PermissionPolicy.AlwaysAllow), []));
        await runs.SayAsync(session, "one", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        var second = await runs.SayAsync(session, "two", Ct);
        call.Calls("count").Ends(ModelStop.ToolUse);
        call = await runs.Model.NextCallAsync(Ct);

        var interrupt = await runs.SendAsync(session, new UserInterrupt(Run.IdOf(second)), Ct);
        Assert.Equal((RunStatus.Ended, Run.Cancelled), Ending(await RunOfAsync(session, second)));
        Assert.All(await runs.LogAsync(session, Ct), static e => Assert.NotNull(e.ProcessedAt));
        Assert.False(call.Left.Task.IsCompleted);
        await runs.SayAsync(session, "three", Ct);

        call.Says("1").Ends();
        var third = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(["three"], third.Request.Messages[^1].Content.OfType<TextContent>().Select(static text => text.Text));
        Assert.DoesNotContain("two", third.Request.Messages.SelectMany(static m => m.Content).OfType<TextContent>().Select(static text => text.Text));
        third.Ends();
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.All(log.Where(e => e.Id == second || e.Id == interrupt), static e => Assert.Null(e.Run));
        Assert.Equal(2, log.Count(static e => e.Body is SessionStatusIdle));
        Assert.False(runs.Model.WasCalled);
    }

    [Fact]
    public async Task A_model_call_that_is_made_again_after_a_crash_has_its_name_though_input_behind_its_run_was_cancelled()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "one", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        var second = await runs.SayAsync(session, "two", Ct);
        await runs.SendAsync(session, new UserInterrupt(Run.IdOf(second)), Ct);

        runs = await CrashAsync();
        var again = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(call.Request.IdempotencyKey, again.Request.IdempotencyKey);
        again.Says("1").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal((RunStatus.Ended, Run.Cancelled), Ending(await RunOfAsync(session, second)));
        Assert.False(runs.Model.WasCalled);
    }

    [Fact]
    public async Task A_run_that_is_rolled_back_is_in_the_log_and_not_in_the_conversation()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "kept", Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("yes").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        var wrong = await runs.SayAsync(session, "wrong", Ct);
        await runs.Model.NextCallAsync(Ct);

        await runs.SendAsync(session, new UserInterrupt(Run.IdOf(wrong), Rollback: true), Ct);
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        await runs.SayAsync(session, "right", Ct);
        var next = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(["kept", "yes", "right"], next.Request.Messages.Select(static m => ((TextContent)m.Content[0]).Text));
        next.Ends();
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 3);
        Assert.Equal(Run.IdOf(wrong), Assert.Single(log.Select(static e => e.Body).OfType<SessionRunRolledBack>()).RunId);
        Assert.Equal((RunStatus.Ended, Run.RolledBack), Ending(await RunOfAsync(session, wrong)));
    }

    [Fact]
    public async Task A_call_that_nobody_answers_in_time_is_told_to_the_model_though_no_worker_waited()
    {
        var tool = new CountingTool("count", ToolRepeat.Always);
        var runs = await StartAsync(tool);
        var session = await runs.AddSessionAsync(Ct, new AgentToolset(new ToolDefaults(Enabled: true, PermissionPolicy.AlwaysAsk), []));
        await runs.SayAsync(session, "count", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("count").Ends(ModelStop.ToolUse);
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);

        // A restart in between: the wait is in the queue and the log, not in a worker.
        runs = await RestartAsync(tool);
        runs.Clock.Advance(RunHarness.AnswerWait);
        var called = runs.Model.NextCallAsync(Ct);
        while (!called.IsCompleted)
        {
            // The queue is looked through by the same clock.
            runs.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(called, Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct));
        }

        var next = await called;
        var result = Assert.IsType<ToolResultContent>(Assert.Single(next.Request.Messages[^1].Content));
        Assert.Contains("Nobody answered in time", result.Text, StringComparison.Ordinal);
        next.Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.Empty(tool.Calls);
    }

    [Fact]
    public async Task A_run_that_works_too_long_is_ended_in_its_step()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        var message = await runs.SayAsync(session, "hello", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        runs.Clock.Advance(new RunOptions().RunTimeMax);
        await call.Left.Task.WaitAsync(Limit, Ct);

        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal("run_limit_reached_error", log.Select(static e => e.Body).OfType<SessionError>().Single().Error.Type);
        Assert.True(log.Select(static e => e.Body).OfType<SpanModelRequestEnd>().Single().IsError);
        var run = await RunOfAsync(session, message);
        Assert.Equal((RunStatus.Ended, Run.LimitReached), Ending(run));
        Assert.Contains("3600 seconds", run.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_without_an_outcome_yet_leaves_its_worker_and_is_asked_again_when_the_session_is_woken()
    {
        var tool = new PendingTool();
        var runs = await StartAsync(tool);
        runs.Allowed = 1;
        var session = await runs.AddSessionAsync(Ct);
        var other = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "wait", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("pending").Ends(ModelStop.ToolUse);
        await tool.Asked.Task.WaitAsync(Limit, Ct);

        // The one worker that the tenant may have is free for another session.
        await runs.SayAsync(other, "hello", Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("hi").Ends();
        await runs.UntilAsync<SessionStatusIdle>(other, Ct);

        tool.Done = true;
        await runs.WakeAsync(session, Ct);
        var next = await runs.Model.NextCallAsync(Ct);
        Assert.Equal("at last", Assert.IsType<ToolResultContent>(Assert.Single(next.Request.Messages[^1].Content)).Text);
        next.Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Single(tool.Keys);
    }

    [Fact]
    public async Task A_run_whose_workers_die_again_and_again_is_given_up_with_the_reason()
    {
        var runs = await StartAsync();
        var session = await runs.AddSessionAsync(Ct);
        var message = await runs.SayAsync(session, "deadly", Ct);
        for (var death = 0; death < new RunOptions().AttemptsMax; death++)
        {
            await runs.Model.NextCallAsync(Ct);
            runs = await CrashAsync();
        }

        var log = await runs.UntilAsync<SessionStatusTerminated>(session, Ct);
        Assert.Equal("run_abandoned_error", log.Select(static e => e.Body).OfType<SessionError>().Single().Error.Type);
        Assert.False(runs.Model.WasCalled);
        Assert.Equal(SessionStatus.Terminated, (await runs.SessionAsync(session, Ct)).Status);
        Assert.Equal((RunStatus.Terminated, "run_abandoned_error"), Ending(await RunOfAsync(session, message)));
    }

    [Fact]
    public async Task A_step_that_is_done_begins_the_count_of_deaths_anew()
    {
        var tool = new CountingTool("count", ToolRepeat.Always);
        var runs = await StartAsync(tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "long", Ct);
        for (var death = 0; death < new RunOptions().AttemptsMax + 2; death++)
        {
            var call = await runs.Model.NextCallAsync(Ct);
            if (death % 2 == 1)
            {
                call.Calls("count").Ends(ModelStop.ToolUse);
                await runs.Model.NextCallAsync(Ct);
            }

            runs = await CrashAsync(tool);
        }

        (await runs.Model.NextCallAsync(Ct)).Says("done").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    /// <summary>Has the model say it, and returns when a watcher has seen it.</summary>
    private static async Task SayWatchedAsync(RunHarness runs, Id<Session> session, PuppetCall call, string text)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(Limit);
        await foreach (var item in runs.Feed.WatchAsync(runs.Scope, session, afterSeq: 0, limit.Token))
        {
            // What is previewed before somebody watches, nobody sees.
            if (item is LoggedEvent { Event.Body: SpanModelRequestStart }) call.Says(text);
            if (item is MessageDelta) return;
        }
    }

    private static (RunStatus Status, string? StopReason) Ending(Run run) => (run.Status, run.StopReason);

    private async Task<Run> RunOfAsync(Id<Session> session, Id<SessionEvent> message)
    {
        await using var store = await Runs.Stores.OpenAsync(Runs.Scope, Ct);
        var found = (await store.Runs.FindAsync(Run.IdOf(message), Ct))!;
        Assert.Contains(found.Id, (await store.Runs.ListAsync(new RunFilter { Session = session }, new PageRequest(100, null), Ct)).Items.Select(static run => run.Id));
        return found;
    }

    /// <summary>Something outside takes its time: the tool only asks how far it is.</summary>
    private sealed class PendingTool : BuiltInTool
    {
        public override string Name => "pending";

        public override string Description => "Takes its time.";

        public override JsonElement InputSchema { get; } = LogBuilder.Json("""{"type":"object"}""");

        public override ToolRepeat Repeat => ToolRepeat.WithKey;

        public bool Done { get; set; }

        public HashSet<string> Keys { get; } = [];

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct)
        {
            Keys.Add(call.IdempotencyKey);
            Asked.TrySetResult();
            return Task.FromResult(Done ? ToolOutcome.Of("at last") : ToolOutcome.Pending);
        }
    }

    /// <summary>Does not hear when it is to end.</summary>
    private sealed class StuckTool : BuiltInTool
    {
        public override string Name => "stuck";

        public override string Description => "Stays.";

        public override JsonElement InputSchema { get; } = LogBuilder.Json("""{"type":"object"}""");

        public override ToolRepeat Repeat => ToolRepeat.Always;

        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Leave { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct)
        {
            Entered.TrySetResult();
            await Leave.Task;
            return ToolOutcome.Of("left");
        }
    }
}
