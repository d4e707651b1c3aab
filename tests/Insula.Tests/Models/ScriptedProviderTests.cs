using Insula.Agents.Models;
using Insula.Agents.Models.Scripted;
using Insula.TestKit;
using Insula.TestKit.Upstream;

namespace Insula.Tests.Models;

public sealed class ScriptedProviderTests : DirectedModelContract
{
    private readonly ManualClock _clock = new();

    public ScriptedProviderTests() => Provider = new ScriptedProvider(_clock);

    protected override IModelProvider Provider { get; }

    protected override ModelRequest AnyRequest() => Conversations.Ask("hello there");

    protected override ModelRequest Plan(params UpstreamReply[] turns) => Conversations.Ask(string.Join('\n', turns.SelectMany(Lines)));

    [Fact]
    public async Task A_message_without_directives_is_echoed()
    {
        var events = await Provider.PlayAsync(Conversations.Ask("What is\na placement?"), Ct);
        Assert.Equal("What is\na placement?", events.Text());
        Assert.Equal(new TokenUsage(4, 4, 0, 0), events.End().Usage);
    }

    [Fact]
    public async Task Lines_beside_directives_are_not_played()
    {
        var events = await Provider.PlayAsync(Conversations.Ask("Please do this:\n  !text one\r\n!unknown thing\n!text two\n"), Ct);
        Assert.Equal("one\ntwo", events.Text());
    }

    [Fact]
    public async Task A_script_goes_on_after_each_tool_result_with_nothing_remembered()
    {
        var request = Conversations.Ask("!text a\n!tool t {\"n\":1}\n!text b\n!usage 3 4\n!tool u\n!text c");
        var said = new List<string>();
        for (var turn = 0; turn < 3; turn++)
        {
            // A provider of its own each turn: as after a restart.
            var events = await new ScriptedProvider(_clock).PlayAsync(request, Ct);
            said.Add(events.Text());
            if (turn == 1) Assert.Equal(new TokenUsage(3, 4, 0, 0), events.End().Usage);
            if (events.OfType<ToolCalled>().SingleOrDefault() is { } call) request = request.Answer(call, "done");
        }

        Assert.Equal(["a", "b", "c"], said);
        Assert.Equal(["t", "u"], request.Messages.SelectMany(m => m.Content).OfType<ToolCallContent>().Select(c => c.Name));
        Assert.Equal(2, request.Messages.SelectMany(m => m.Content).OfType<ToolCallContent>().Select(c => c.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_new_message_starts_its_own_script()
    {
        var first = Conversations.Ask("!tool t\n!text never");
        var call = (await Provider.PlayAsync(first, Ct)).OfType<ToolCalled>().Single();
        var next = first.Answer(call, "interrupted");
        next = next with { Messages = [.. next.Messages.SkipLast(1), new ModelMessage(ModelRole.User, [.. next.Messages[^1].Content, new TextContent("!text fresh")])] };
        Assert.Equal("fresh", (await Provider.PlayAsync(next, Ct)).Text());
    }

    [Fact]
    public async Task Of_messages_that_were_never_answered_only_the_newest_is_played()
    {
        var request = Conversations.Ask("!sleep 60000");
        request = request with { Messages = [new ModelMessage(ModelRole.User, [.. request.Messages[0].Content, new TextContent("!text at once")])] };
        Assert.Equal("at once", (await Provider.PlayAsync(request, Ct)).Text());
    }

    [Fact]
    public async Task A_loop_plays_its_tools_again_and_again()
    {
        var request = Conversations.Ask("!tool a\n!tool b\n!loop\n!text never");
        var names = new List<string>();
        for (var turn = 0; turn < 7; turn++)
        {
            var call = (await Provider.PlayAsync(request, Ct)).OfType<ToolCalled>().Single();
            names.Add(call.Name);
            request = request.Answer(call, "ok");
        }

        Assert.Equal(["a", "b", "a", "b", "a", "b", "a"], names);
    }

    [Fact]
    public async Task A_loop_of_text_ends_at_the_limit_of_tokens()
    {
        var events = await Provider.PlayAsync(Conversations.Ask("!text again and\n!loop") with { MaxTokens = 100 }, Ct);
        Assert.Equal(ModelStop.MaxTokens, events.End().Stop);
        Assert.Equal(100, events.End().Usage.Output);
    }

    [Theory]
    [InlineData("!loop")]
    [InlineData("!usage 1 1\n!loop")]
    [InlineData("!sleep 0\n!loop")]
    public async Task A_loop_without_words_ends_too(string script)
    {
        Assert.IsType<ModelTurnEnded>(Assert.Single(await Provider.PlayAsync(Conversations.Ask(script), Ct)));
    }

    [Fact]
    public async Task A_sleep_lasts_as_long_as_it_says()
    {
        var turn = Provider.PlayAsync(Conversations.Ask("!sleep 1500\n!text awake"), Ct);
        _clock.Advance(TimeSpan.FromMilliseconds(1499));
        Assert.False(turn.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("awake", (await turn).Text());
    }

    [Fact]
    public async Task A_sleep_ends_with_its_caller()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var turn = Provider.PlayAsync(Conversations.Ask("!sleep 60000"), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => turn);
    }

    [Theory]
    [InlineData("!sleep soon", "!sleep")]
    [InlineData("!sleep -1", "!sleep")]
    [InlineData("!usage 5", "!usage")]
    [InlineData("!error 200", "!error")]
    [InlineData("!error", "!error")]
    [InlineData("!tool", "!tool")]
    [InlineData("!tool t {\"a\":", "!tool")]
    [InlineData("!tool t [1]", "!tool")]
    public async Task A_directive_with_wrong_arguments_is_refused_by_name(string script, string directive)
    {
        var error = await Provider.FailAsync(Conversations.Ask(script), Ct);
        Assert.Equal((ModelFailure.Refused, false), (error.Failure, error.Retryable));
        Assert.Contains($"cannot play this: {directive} takes", error.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Lines(UpstreamReply turn)
    {
        if (turn.Status != 200) return [$"!error {turn.Status}"];
        return
        [
            $"!usage {turn.InputTokens} {turn.OutputTokens}",
            .. turn.Text.Count > 0 ? [$"!text {string.Concat(turn.Text)}"] : (string[])[],
            .. turn.Tools.Select(call => $"!tool {call.Name} {call.Arguments}"),
        ];
    }
}
