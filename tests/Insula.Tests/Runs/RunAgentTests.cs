using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.TestKit;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>Agents that call agents, with the test as every model.</summary>
public sealed class RunAgentTests : RunTests
{
    [Fact]
    public async Task The_other_agents_answer_is_the_calls_result_even_where_one_run_may_be_at_work()
    {
        await StartAsync();
        Runs.Allowed = 1;
        var session = await CallingAsync();
        var child = await Runs.Model.NextCallAsync(Ct);
        Assert.Equal("the task", Text(child));
        child.Says("the answer").Ends();

        var back = await Runs.Model.NextCallAsync(Ct);
        Assert.Equal("the answer", Result(back));
        back.Says("done").Ends();
        var log = await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
        var made = Assert.Single(await ChildrenAsync(session));
        var use = log.Single(e => e.Body is AgentToolUse);
        Assert.Equal(new ParentCall(session, use.Run!.Value, use.Id), made.Parent);
        Assert.Equal(1, log.Select(e => e.Body).OfType<AgentToolResult>().Single().Steps);
    }

    [Fact]
    public async Task A_crash_while_the_other_agent_works_makes_no_second_one()
    {
        await StartAsync();
        var session = await CallingAsync();
        await Runs.Model.NextCallAsync(Ct);
        await RestartAsync();

        var child = await Runs.Model.NextCallAsync(Ct);
        Assert.Equal("the task", Text(child));
        child.Says("the answer").Ends();
        var back = await Runs.Model.NextCallAsync(Ct);
        Assert.Equal("the answer", Result(back));
        back.Says("done").Ends();
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Single(await ChildrenAsync(session));
        Assert.False(Runs.Model.WasCalled);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_crash_around_the_other_agents_end_loses_nothing(bool ended)
    {
        await StartAsync();
        var session = await CallingAsync();
        (await Runs.Model.NextCallAsync(Ct)).Says("the answer").Ends();
        if (ended) await Runs.UntilAsync<SessionStatusIdle>(Assert.Single(await ChildrenAsync(session)).Id, Ct);
        await RestartAsync();

        // Wherever it fell, a model that had answered is not asked again where that was recorded.
        PuppetCall back;
        while (Text(back = await Runs.Model.NextCallAsync(Ct)) is "the task") back.Says("the answer").Ends();
        Assert.Equal("the answer", Result(back));
        back.Says("done").Ends();
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Single(await ChildrenAsync(session));
        Assert.Single(await Runs.LogAsync(session, Ct), e => e.Body is AgentToolResult);
    }

    [Fact]
    public async Task Agents_called_in_one_turn_work_at_the_same_time()
    {
        await StartAsync();
        var session = await CallingAsync(times: 3);
        var calls = new[] { await Runs.Model.NextCallAsync(Ct), await Runs.Model.NextCallAsync(Ct), await Runs.Model.NextCallAsync(Ct) };
        for (var i = 0; i < calls.Length; i++) calls[i].Says($"answer {i}").Ends();
        var back = await Runs.Model.NextCallAsync(Ct);
        Assert.Equal(["answer 0", "answer 1", "answer 2"], back.Request.Messages[^1].Content.OfType<ToolResultContent>().Select(r => r.Text).Order(StringComparer.Ordinal));
        back.Says("done").Ends();
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);

        // 20 steps less the 1 that the run took: each child gets half of what is then left, but for the step of its own result.
        Assert.Equal([9, 4, 1], (await ChildrenAsync(session)).Select(c => c.Agent.RunLimits!.Steps!.Value).OrderDescending());
    }

    [Fact]
    public async Task Interrupting_the_parent_interrupts_the_child()
    {
        await StartAsync();
        var session = await CallingAsync();
        var child = await Runs.Model.NextCallAsync(Ct);
        await Runs.SendAsync(session, new UserInterrupt(), Ct);
        await child.Left.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
        var made = Assert.Single(await ChildrenAsync(session));
        var log = await Runs.UntilAsync<SessionStatusIdle>(made.Id, Ct);
        Assert.Null((await Runs.DeleteAsync(made.Id, Ct)).Fault);
        Assert.Contains(log, e => e.Body is UserInterrupt);
        Assert.False(Runs.Model.WasCalled);
    }

    [Fact]
    public async Task Cancelling_the_parents_run_reaches_the_childs_children_and_nobody_deletes_what_a_run_waits_for()
    {
        await StartAsync();
        Runs.Options.StepsMax = 200;
        var session = await CallingAsync();
        (await Runs.Model.NextCallAsync(Ct)).Calls("run_agent", """{"agent":"helper","prompt":"deeper"}""").Ends(ModelStop.ToolUse);
        var grandchild = await Runs.Model.NextCallAsync(Ct);
        var child = Assert.Single(await ChildrenAsync(session));
        Assert.Equal("session_awaited", (await Runs.DeleteAsync(child.Id, Ct)).Fault?.Code);

        var run = (await Runs.SessionAsync(session, Ct)).OpenRun;
        await Runs.SendAsync(session, new UserInterrupt(run), Ct);
        await grandchild.Left.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
        await Runs.UntilAsync<SessionStatusIdle>(child.Id, Ct);
        await Runs.UntilAsync<SessionStatusIdle>(Assert.Single(await ChildrenAsync(child.Id)).Id, Ct);
        Assert.False(Runs.Model.WasCalled);
    }

    [Fact]
    public async Task What_other_agents_took_counts_under_the_runs_own_limit()
    {
        await StartAsync();
        var session = await CallingAsync();
        for (var took = 0; took < 9; took++)
        {
            // The child goes on until its own limit, which is half of the parent's rest, ends it.
            (await Runs.Model.NextCallAsync(Ct)).Calls("nothing", $$"""{"n":{{took}}}""").Ends(ModelStop.ToolUse);
            if (took == 4) break;
        }

        var back = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains("took 9 steps", Result(back), StringComparison.Ordinal);
        var steps = (await Runs.LogAsync(session, Ct)).Select(e => e.Body).OfType<AgentToolResult>().Single().Steps;
        Assert.Equal(10, steps);
        back.Calls("run_agent", """{"agent":"helper","prompt":"more"}""").Ends(ModelStop.ToolUse);
        var child = await Runs.Model.NextCallAsync(Ct);

        // 20 less the model's two calls, the result, and the child's ten; half of that, but for the step of its own result.
        Assert.Equal(3, (await ChildrenAsync(session)).Single(c => c.OpenRun is not null).Agent.RunLimits!.Steps);
        child.Says("ok").Ends();
        (await Runs.Model.NextCallAsync(Ct)).Says("done").Ends();
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal(16, (await Runs.RunsAsync(session, Ct)).Single().Steps);
    }

    [Fact]
    public async Task An_agent_that_fails_or_is_interrupted_is_an_error_that_the_model_sees()
    {
        await StartAsync();
        var session = await CallingAsync();
        (await Runs.Model.NextCallAsync(Ct)).Says("no").Ends(ModelStop.Refusal);
        var back = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains("refused", Result(back), StringComparison.Ordinal);

        back.Calls("run_agent", """{"agent":"helper","prompt":"again"}""").Ends(ModelStop.ToolUse);
        await Runs.Model.NextCallAsync(Ct);
        var child = (await ChildrenAsync(session)).Single(c => c.OpenRun is not null);
        await Runs.SendAsync(child.Id, new UserInterrupt(), Ct);
        back = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains("interrupted", Result(back), StringComparison.Ordinal);

        back.Calls("run_agent", """{"agent":"nobody","prompt":"x"}""").Ends(ModelStop.ToolUse);
        back = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains("no agent nobody", Result(back), StringComparison.Ordinal);
        Assert.Contains("helper", Result(back), StringComparison.Ordinal);
        back.Says("done").Ends();
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Fact]
    public async Task Agents_call_agents_three_deep_and_no_deeper()
    {
        await StartAsync();
        Runs.Options.StepsMax = 200;
        var session = await CallingAsync();
        for (var depth = 1; depth <= 3; depth++) (await Runs.Model.NextCallAsync(Ct)).Calls("run_agent", """{"agent":"helper","prompt":"deeper"}""").Ends(ModelStop.ToolUse);
        var deepest = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains("3 deep", Result(deepest), StringComparison.Ordinal);
        deepest.Says("bottom").Ends();
        for (var depth = 3; depth >= 1; depth--) (await Runs.Model.NextCallAsync(Ct)).Says("up").Ends();
        await Runs.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Fact]
    public async Task The_tool_is_there_only_for_agents_that_name_it_and_calls_only_those_they_list()
    {
        await StartAsync();
        var plain = await Runs.AddSessionAsync(Ct, new AgentToolset(new(true, PermissionPolicy.AlwaysAllow), []));
        await Runs.SayAsync(plain, "hello", Ct);
        var call = await Runs.Model.NextCallAsync(Ct);
        Assert.DoesNotContain(call.Request.Tools, t => t.Name == "run_agent");
        call.Calls("run_agent", """{"agent":"helper","prompt":"x"}""").Ends(ModelStop.ToolUse);
        call = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains("switched off", Result(call), StringComparison.Ordinal);
        call.Says("ok").Ends();

        await HelperAsync();
        var listed = await Runs.AddSessionAsync(Ct, Toolset("""["other"]"""));
        await Runs.SayAsync(listed, "hello", Ct);
        call = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains(call.Request.Tools, t => t.Name == "run_agent");
        call.Calls("run_agent", """{"agent":"helper","prompt":"x"}""").Ends(ModelStop.ToolUse);
        call = await Runs.Model.NextCallAsync(Ct);
        Assert.Contains("It may call: other.", Result(call), StringComparison.Ordinal);
        call.Says("ok").Ends();
        await Runs.UntilAsync<SessionStatusIdle>(listed, Ct);
    }

    /// <summary>A session whose model has just called the helper.</summary>
    private async Task<Id<Session>> CallingAsync(int times = 1)
    {
        await HelperAsync();
        var session = await Runs.AddSessionAsync(Ct, Toolset());
        await Runs.SayAsync(session, "go", Ct);
        var call = await Runs.Model.NextCallAsync(Ct);
        for (var i = 0; i < times; i++) call.Calls("run_agent", """{"agent":"helper","prompt":"the task"}""");
        call.Ends(ModelStop.ToolUse);
        return session;
    }

    private async Task HelperAsync()
    {
        var now = Runs.Clock.GetUtcNow();
        await using var store = await Runs.Stores.OpenAsync(Runs.Scope, Ct);
        await store.Agents.AddAsync(new Agent(Id<Agent>.New(), 1, new AgentDefinition { Name = "helper", Model = new ModelChoice("puppet/strings"), Tools = [Toolset()] }, now, now, ArchivedAt: null), Ct);
    }

    private static AgentToolset Toolset(string? agents = null) => new(
        new(false, PermissionPolicy.AlwaysAllow),
        [new("run_agent", Enabled: true, PermissionPolicy.AlwaysAllow) { Rest = agents is null ? null : new Dictionary<string, JsonElement> { ["agents"] = JsonElement.Parse(agents) } }]);

    private async Task<IReadOnlyList<Session>> ChildrenAsync(Id<Session> parent)
    {
        await using var store = await Runs.Stores.OpenAsync(Runs.Scope, Ct);
        var sessions = await store.Sessions.ListAsync(new SessionFilter(), new PageRequest(100, null), Ct);
        return [.. sessions.Items.Where(s => s.Parent?.SessionId == parent)];
    }

    private static string? Text(PuppetCall call) => call.Request.Messages[^1].Content.OfType<TextContent>().SingleOrDefault()?.Text;

    private static string Result(PuppetCall call) => call.Request.Messages[^1].Content.OfType<ToolResultContent>().Last().Text;
}
