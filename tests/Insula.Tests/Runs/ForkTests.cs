using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Tenancy.Identity;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>Forks at work: what was under way where they begin is not done again, and what they do is theirs.</summary>
public sealed class ForkTests : RunTests
{
    private readonly CountingTool _tool = new("count", ToolRepeat.Always);

    [Fact]
    public async Task A_call_that_was_open_at_the_fork_point_is_never_run_in_the_fork_and_the_model_is_told()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        _tool.Hold();
        await runs.SayAsync(session, "count", Ct);
        (await runs.Model.NextCallAsync(Ct)).Calls("count").Ends(ModelStop.ToolUse);
        await _tool.Begun.Task.WaitAsync(Ct);

        // The origin is in the middle of the call.
        var fork = await ForkAsync(session, (await runs.LogAsync(session, Ct)).Count, "what now?");
        var asked = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(["count", "call count", "result The call was not run in this fork of the session; whether it was run elsewhere is unknown here.", "what now?"], Shown(asked.Request));

        asked.Calls("count").Ends(ModelStop.ToolUse);
        _tool.Release();
        var answers = new[] { await runs.Model.NextCallAsync(Ct), await runs.Model.NextCallAsync(Ct) };
        foreach (var answer in answers) answer.Says("done").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        await runs.UntilAsync<SessionStatusIdle>(fork, Ct);
        Assert.Equal(2, _tool.Calls.Count);
        Assert.All(_tool.Calls.Values, static times => Assert.Equal(1, times));
        var own = (await runs.LogAsync(fork, Ct)).SkipWhile(static e => e.Body is not SessionForked).Select(static e => e.Run).OfType<Id<Run>>().Distinct();
        Assert.DoesNotContain(Assert.Single(own), (await runs.LogAsync(session, Ct)).Select(static e => e.Run).OfType<Id<Run>>());
    }

    [Fact]
    public async Task A_message_nobody_had_taken_up_stays_in_the_conversation_and_starts_nothing()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "one", Ct);
        var open = await runs.Model.NextCallAsync(Ct);
        await runs.SayAsync(session, "two", Ct);
        var at = (await runs.LogAsync(session, Ct)).Count;

        var fork = await ForkAsync(session, at);
        open.Says("answer").Ends();
        (await runs.Model.NextCallAsync(Ct)).Says("another").Ends();
        await runs.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.False(runs.Model.WasCalled);
        Assert.False((await runs.SessionAsync(fork, Ct)).PendingInput);

        await runs.SayAsync(fork, "three", Ct);
        var asked = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(["one", "two", "three"], Shown(asked.Request));
        asked.Says("ok").Ends();
        await runs.UntilAsync<SessionStatusIdle>(fork, Ct);
    }

    [Fact]
    public async Task A_worker_that_takes_a_fork_over_from_its_log_sees_the_whole_conversation()
    {
        var runs = await StartAsync(_tool);
        var session = await runs.AddSessionAsync(Ct);
        await runs.SayAsync(session, "one", Ct);
        (await runs.Model.NextCallAsync(Ct)).Says("answer").Ends();
        var log = await runs.UntilAsync<SessionStatusIdle>(session, Ct);
        var fork = await ForkAsync(session, log.Count, "two");
        await runs.Model.NextCallAsync(Ct);
        await runs.StopAsync();

        runs = await RestartAsync(_tool);
        var asked = await runs.Model.NextCallAsync(Ct);
        Assert.Equal(["one", "answer", "two"], Shown(asked.Request));
        asked.Says("ok").Ends();
        await runs.UntilAsync<SessionStatusIdle>(fork, Ct, times: 2);
    }

    private async Task<Id<Session>> ForkAsync(Id<Session> origin, long at, params string[] texts)
    {
        var forked = await Runs.ForkAsync(origin, at, [.. texts.Select(static text => new UserMessage([ContentBlock.OfText(text)]))], Ct);
        return forked.Value.Id;
    }

    private static List<string> Shown(ModelRequest request) => [.. request.Messages.SelectMany(static m => m.Content).Select(static content => content switch
    {
        TextContent text => text.Text,
        ToolCallContent call => $"call {call.Name}",
        ToolResultContent result => $"result {result.Text}",
        _ => content.GetType().Name,
    })];
}
