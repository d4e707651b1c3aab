using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Tenancy.Identity;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>Runs from input to idle on real files, with the test as the model.</summary>
public sealed class SessionRunTests : RunTests
{
    private readonly CountingTool _tool = new("count", ToolRepeat.Always);

    [Fact]
    public async Task A_message_is_answered_and_the_log_tells_each_step()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "hello", Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("hi ").Says("there").Ends();

        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal(
            [typeof(UserMessage), typeof(SessionStatusRunning), typeof(SpanModelRequestStart), typeof(AgentMessage), typeof(SpanModelRequestEnd), typeof(SessionStatusIdle)],
            log.Select(e => e.Body.GetType()));
        Assert.Equal("hi there", ((AgentMessage)log[3].Body).Content[0].Text);
        Assert.NotNull(log[0].ProcessedAt);
        var after = await runs.SessionAsync(session, Ct);
        Assert.Equal(SessionStatus.Idle, after.Status);
        Assert.Equal(new TokenUsage(10, 5, 0, 0), after.Usage);
        Assert.False(after.PendingInput);
    }

    [Fact]
    public async Task A_tool_call_is_recorded_run_and_answered_to_the_model()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "count", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("count").Ends(ModelStop.ToolUse);
        var second = await runs.Model.NextCallAsync(Ct);
        var result = Assert.IsType<ToolResultContent>(Assert.Single(second.Request.Messages[^1].Content));
        Assert.Equal("counted", result.Text);
        second.Says("done").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal(1, Assert.Single(_tool.Calls).Value);
    }

    [Fact]
    public async Task A_tool_that_is_not_there_is_refused_with_the_reason_and_the_run_goes_on()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "ls", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("bash").Ends(ModelStop.ToolUse);
        var second = await runs.Model.NextCallAsync(Ct);
        var result = Assert.IsType<ToolResultContent>(Assert.Single(second.Request.Messages[^1].Content));
        Assert.True(result.IsError);
        Assert.Contains("needs a sandbox", result.Text, StringComparison.Ordinal);
        second.Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Fact]
    public async Task An_interrupt_stops_the_model_at_once_and_leaves_a_well_formed_log()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "write a novel", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        call.Says("It was a dark");
        await runs.SendAsync(session, new UserInterrupt(), Ct);
        await call.Left.Task.WaitAsync(TimeSpan.FromSeconds(10), Ct);

        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.DoesNotContain(log, e => e.Body is AgentMessage);
        Assert.True(log.Select(e => e.Body).OfType<SpanModelRequestEnd>().Single().IsError);
        Assert.All(log, e => Assert.NotNull(e.ProcessedAt));

        await runs.SayAsync(session, "a haiku then", Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("ok").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
    }

    [Fact]
    public async Task A_message_during_a_run_is_answered_after_it()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "one", Ct);
        var first = await runs.Model.NextCallAsync(Ct);
        await runs.SayAsync(session, "two", Ct);
        first.Says("1").Ends();
        var second = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(["one", "1", "two"], second.Request.Messages.Select(m => ((TextContent)m.Content[0]).Text));
        second.Says("2").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
    }

    [Fact]
    public async Task A_worker_that_settles_the_entry_before_the_message_is_in_the_log_does_not_strand_it()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayOverHastyQueueAsync(session, "hello", Ct);
        (await runs.Model.NextCallAsync(Ct)).Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Fact]
    public async Task A_custom_tool_waits_for_the_client_and_goes_on_as_the_same_run()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct, new CustomTool("weather", "Tells the weather.", LogBuilder.Json("{}")));
        await runs.SayAsync(session, "rain?", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("weather").Ends(ModelStop.ToolUse);
        var waiting = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        var call = waiting.Single(e => e.Body is AgentCustomToolUse);
        Assert.Equal([call.Id], ((SessionStatusIdle)waiting[^1].Body).StopReason.EventIds);

        await runs.SendAsync(session, new UserCustomToolResult(call.Id, [ContentBlock.OfText("sun")], IsError: null), Ct);
        var second = await runs.Model.NextCallAsync(Ct);
        Assert.Equal("sun", Assert.IsType<ToolResultContent>(Assert.Single(second.Request.Messages[^1].Content)).Text);
        second.Says("no").Ends();
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.Single(log.Select(e => e.Run).OfType<Id<Run>>().Distinct());
    }

    [Theory]
    [InlineData(UserToolConfirmation.Allow, 1)]
    [InlineData(UserToolConfirmation.Deny, 0)]
    public async Task A_call_that_asks_runs_only_when_a_person_allows_it(string word, int calls)
    {
        var runs = await StartAsync(_tool);
        var ask = new AgentToolset(new ToolDefaults(Enabled: true, PermissionPolicy.AlwaysAsk), []);
        var session = await runs.AddSessionAsync(Ct, ask);
        await runs.SayAsync(session, "count", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("count").Ends(ModelStop.ToolUse);
        var waiting = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Empty(_tool.Calls);

        var call = waiting.Single(e => e.Body is AgentToolUse);
        await runs.SendAsync(session, new UserToolConfirmation(call.Id, word, DenyMessage: null), Ct);
        (await runs.Model.NextCallAsync(Ct)).Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.Equal(calls, _tool.Calls.Values.Sum());
    }

    [Fact]
    public async Task A_failed_call_is_tried_again_after_the_wait_that_the_upstream_asked_for()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "hello", Ct);
        (await runs.Model.NextCallAsync(Ct)).Fails(new ModelException(ModelFailure.RateLimited, "puppet: 429", retryable: true, TimeSpan.FromSeconds(7)));
        await runs.UntilAsync<SessionStatusRescheduled>(session, Ct);
        await runs.Clock.TimerArmedAsync(TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(30), Ct);
        runs.Clock.Advance(TimeSpan.FromSeconds(6.9));
        Assert.False(runs.Model.WasCalled);
        runs.Clock.Advance(TimeSpan.FromSeconds(30));
        (await runs.Model.NextCallAsync(Ct)).Says("hi").Ends();
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal("retrying", log.Select(e => e.Body).OfType<SessionError>().Single().Error.RetryStatus.Type);
        Assert.Equal(2, log.Count(e => e.Body is SessionStatusRunning));
    }

    [Fact]
    public async Task A_refusal_by_the_upstream_ends_the_run_with_its_reason_and_no_second_try()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "hello", Ct);
        (await runs.Model.NextCallAsync(Ct)).Fails(new ModelException(ModelFailure.Refused, "puppet answered 401", retryable: false));
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal("puppet answered 401", log.Select(e => e.Body).OfType<SessionError>().Single().Error.Message);
        Assert.Equal("retries_exhausted", ((SessionStatusIdle)log[^1].Body).StopReason.Type);
        Assert.False(runs.Model.WasCalled);
    }

    [Fact]
    public async Task A_run_that_never_ends_by_itself_is_stopped_after_its_steps()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "loop", Ct);
        for (var i = 0; i < 10; i++) (await runs.Model.NextCallAsync(Ct)).Calls("count").Ends(ModelStop.ToolUse);
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal("tool_use_limit_reached_error", log.Select(e => e.Body).OfType<SessionError>().Single().Error.Type);
    }

    [Fact]
    public async Task A_tenant_has_no_more_runs_at_work_than_it_may()
    {
        var runs = await StartAsync(_tool);
        runs.Allowed = 2;
        var calls = new List<PuppetCall>();
        for (var i = 0; i < 5; i++) await runs.SayAsync(await runs.AddSessionAsync(Ct), "hello", Ct);
        calls.Add(await runs.Model.NextCallAsync(Ct));
        calls.Add(await runs.Model.NextCallAsync(Ct));
        Assert.False(runs.Model.WasCalled);
        for (var i = 0; i < 5; i++)
        {
            calls[i].Ends();
            if (i < 3) calls.Add(await runs.Model.NextCallAsync(Ct));
        }
    }

    [Fact]
    public async Task A_worker_that_lost_its_claim_writes_nothing_more()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "hello", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        await using (var store = await runs.Stores.OpenAsync(runs.Scope, Ct)) await store.Sessions.ClaimAsync(session, Ct);
        var before = await runs.LogAsync(session, Ct);
        call.Says("too late").Ends();

        // The next worker sees the log as it was left, so the one before wrote nothing.
        await runs.SayAsync(session, "still there?", Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("yes").Ends();
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.IsType<UserMessage>(log[before.Count].Body);
        Assert.Equal("yes", ((AgentMessage)log.Single(e => e.Body is AgentMessage).Body).Content[0].Text);
    }

    [Fact]
    public async Task A_restart_asks_the_lost_request_again_and_ends_the_run()
    {
        var first = await StartAsync(_tool);
        var session = await first.AddSessionAsync(Ct);
        await first.SayAsync(session, "hello", Ct);
        (await first.Model.NextCallAsync(Ct)).Says("half of");

        var second = await RestartAsync(_tool);
        (await second.Model.NextCallAsync(Ct)).Says("whole").Ends();
        var log = await second.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal([true, false], log.Select(e => e.Body).OfType<SpanModelRequestEnd>().Select(end => end.IsError));
        Assert.Single(log, e => e.Body is AgentMessage);
    }

    [Theory]
    [InlineData(ToolRepeat.Always, 2, "counted")]
    [InlineData(ToolRepeat.WithKey, 2, "counted")]
    [InlineData(ToolRepeat.Never, 1, "unknown")]
    public async Task A_tool_call_whose_outcome_was_lost_is_repeated_only_when_that_is_safe(ToolRepeat repeat, int calls, string told)
    {
        var tool = new CountingTool("count", repeat);
        tool.Hold();
        var runs = await StartAsync(tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "count", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("count").Ends(ModelStop.ToolUse);
        await tool.Begun.Task.WaitAsync(TimeSpan.FromSeconds(10), Ct);

        runs = await RestartAsync(tool);
        tool.Release();
        var next = await runs.Model.NextCallAsync(Ct);
        Assert.Contains(told, Assert.IsType<ToolResultContent>(Assert.Single(next.Request.Messages[^1].Content)).Text, StringComparison.Ordinal);
        next.Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal(calls, Assert.Single(tool.Calls).Value);
    }

    [Fact]
    public async Task A_halted_tenants_run_stops_without_a_word_and_goes_on_when_it_is_resumed()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "hello", Ct);
        var call = await runs.Model.NextCallAsync(Ct);
        runs.Allowed = 0;
        var before = await runs.LogAsync(session, Ct);
        runs.Dispatcher.Halt(runs.Scope.Tenant);
        await call.Left.Task.WaitAsync(TimeSpan.FromSeconds(2), Ct);
        Assert.Equal(before.Count, (await runs.LogAsync(session, Ct)).Count);

        runs.Allowed = 1;
        await runs.Dispatcher.ResumeAsync(runs.Scope.Tenant, Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("back").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Fact]
    public async Task A_tenant_that_is_suspended_and_resumed_while_a_worker_looks_is_taken_up_again()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        runs.Allowed = 0;
        runs.OnceAllowedIsRead = async () =>
        {
            runs.Dispatcher.Halt(runs.Scope.Tenant);
            runs.Allowed = 1;
            await runs.Dispatcher.ResumeAsync(runs.Scope.Tenant, Ct);
        };
        await runs.SayAsync(session, "hello", Ct);
        (await runs.Model.NextCallAsync(Ct)).Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
    }
}
