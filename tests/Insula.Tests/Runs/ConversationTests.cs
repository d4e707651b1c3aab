using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>What a model is shown of a log.</summary>
public sealed class ConversationTests
{
    private readonly LogBuilder _log = new();

    [Fact]
    public void A_message_sent_during_an_answer_comes_after_that_answer()
    {
        _log.UserSays("first").Runs().Asks(out var request);
        var first = _log.Run;
        _log.NextRun().UserSays("second");
        var second = _log.Run;
        var log = Rerun(_log.Log, first).ToList();
        Assert.NotEqual(first, second);
        log.AddRange(After(log.Count, first, new AgentMessage([ContentBlock.OfText("one")]), new SpanModelRequestEnd(request, IsError: false, new ModelUsage(0, 0, 0, 0)), new SessionStatusIdle(StopReason.EndTurn)));
        log.AddRange(After(log.Count, second, new SessionStatusRunning()));

        Assert.Equal(["user: first", "assistant: one", "user: second"], Shown(log));
    }

    [Fact]
    public void Results_of_all_calls_of_a_turn_stand_in_the_one_turn_after_it()
    {
        _log.UserSays("go").Runs().Asks(out var request).Says("looking")
            .Calls("a", AgentToolUse.Allow, out var a).CallsClient("b", out var b).Answered(request)
            .Result(a, "1").Idles(StopReason.RequiresAction([b])).ClientAnswers(b, "2", taken: true).Runs();

        Assert.Equal(["user: go", "assistant: looking,call,call", "user: result 1,result 2"], Shown(_log.Log));
    }

    [Fact]
    public void A_call_that_an_interrupt_left_open_is_answered_as_unknown()
    {
        _log.UserSays("go").Runs().Asks(out var request).CallsClient("b", out _).Answered(request)
            .Interrupts(taken: true).Idles(StopReason.EndTurn).NextRun().UserSays("and now").Runs();

        var shown = Shown(_log.Log);
        Assert.Equal(3, shown.Count);
        Assert.StartsWith("user: result The call was interrupted", shown[2], StringComparison.Ordinal);
        Assert.EndsWith(",and now", shown[2], StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_failed_leaves_its_message_in_front_of_the_next_one()
    {
        _log.UserSays("one").Runs().Asks(out var request).Answered(request, isError: true).Idles(StopReason.RetriesExhausted)
            .NextRun().UserSays("two").Runs();

        Assert.Equal(["user: one,two"], Shown(_log.Log));
    }

    [Fact]
    public void Guidance_during_the_session_follows_the_agents_own()
    {
        _log.UserSays("hello").Input(new SystemMessage([ContentBlock.OfText("be brief")]), taken: true).Runs();
        var (system, _) = Conversation.Of(_log.Log).For("be kind");
        Assert.Equal("be kind\n\nbe brief", system);
    }

    private static List<string> Shown(IReadOnlyList<SessionEvent> log) =>
        [.. Conversation.Of(log).For(system: null).Messages.Select(m => $"{(m.Role == ModelRole.User ? "user" : "assistant")}: {string.Join(',', m.Content.Select(Word))}")];

    private static string Word(ModelContent content) => content switch
    {
        TextContent text => text.Text,
        ToolCallContent => "call",
        ToolResultContent result => $"result {result.Text}",
        _ => content.GetType().Name,
    };

    /// <summary>The events of the log with those of the builder's second run kept and all others given to the first.</summary>
    private static IEnumerable<SessionEvent> Rerun(IReadOnlyList<SessionEvent> log, Id<Run> first) =>
        log.Select((e, i) => i < log.Count - 1 ? e with { Run = first } : e);

    private static IEnumerable<SessionEvent> After(int count, Id<Run> run, params EventBody[] bodies) =>
        bodies.Select((b, i) => new SessionEvent(count + i + 1, Id<SessionEvent>.New(), b, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch, 1, run));
}
