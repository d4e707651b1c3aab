using Insula.Agents.Models;
using Insula.Agents.Models.Upstream;
using Insula.Tenancy.Access;
using Insula.TestKit;
using Insula.TestKit.Upstream;

namespace Insula.Tests.Models;

/// <summary>What every provider does that asks a server: it holds its limits, trusts no answer and shows no key.</summary>
public abstract class UpstreamModelContract : DirectedModelContract, IAsyncLifetime
{
    protected const string Key = "sk-very-secret-0123456789";

    private readonly List<IModelProvider> _made = [];
    private FakeUpstream? _upstream;
    private IModelProvider? _provider;

    protected FakeUpstream Upstream => _upstream!;

    protected override IModelProvider Provider => _provider!;

    protected ManualClock Clock { get; } = new();

    /// <summary>Whether a key is part of the protocol.</summary>
    protected virtual bool HasKey => true;

    public async ValueTask InitializeAsync()
    {
        _upstream = await FakeUpstream.StartAsync(Ct);
        _provider = Make(Server());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var provider in _made.OfType<IDisposable>()) provider.Dispose();
        await Upstream.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>The provider's address within the fake server.</summary>
    protected abstract Uri AddressAt(FakeUpstream upstream);

    protected abstract IModelProvider Create(ModelServer server, TimeProvider time);

    protected override ModelRequest AnyRequest() => Conversations.Ask("hello", "fake-small");

    protected override ModelRequest Plan(params UpstreamReply[] turns)
    {
        Upstream.Plan(turns);
        return AnyRequest();
    }

    protected IModelProvider Make(ModelServer server)
    {
        var provider = Create(server, Clock);
        _made.Add(provider);
        return provider;
    }

    protected ModelServer Server() => new() { BaseUrl = AddressAt(Upstream), ApiKey = HasKey ? new Secret(Key) : null };

    /// <summary>Moves time until the waiting call gives up: it may not have begun to wait when it is first looked at.</summary>
    protected async Task PassAsync(TimeSpan limit, Task call)
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        while (!call.IsCompleted)
        {
            bound.Token.ThrowIfCancellationRequested();
            if (Clock.TimersArmed > 0) Clock.Advance(limit);
            await Task.Yield();
        }
    }

    [Fact]
    public async Task The_result_of_a_tool_call_reaches_the_server()
    {
        var request = Plan(UpstreamReply.Calls("look_up", """{"word":"insula"}"""), UpstreamReply.Says("yes"));
        var call = (await Provider.PlayAsync(request, Ct)).OfType<ToolCalled>().Single();
        await Provider.PlayAsync(request.Answer(call, "the result: 42", isError: true), Ct);
        var sent = Upstream.Requests[^1].Body.GetRawText();
        Assert.Contains("the result: 42", sent, StringComparison.Ordinal);
        Assert.Contains("look_up", sent, StringComparison.Ordinal);
        Assert.Contains("insula", sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokens_recorded_equal_the_tokens_that_the_server_reported()
    {
        var total = default(TokenUsage);
        for (var turn = 1; turn <= 5; turn++)
        {
            var reply = UpstreamReply.Says("x") with { InputTokens = turn * 10, OutputTokens = turn };
            total += (await Provider.PlayAsync(Plan(reply), Ct)).End().Usage;
        }

        Assert.Equal(Upstream.Reported, total);
    }

    [Fact]
    public async Task Thinking_is_told_once()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says("so") with { Thinks = true }), Ct);
        Assert.Single(events, e => e is ThinkingStarted);
        Assert.IsType<ThinkingStarted>(events.First(static e => e is not UsageReported));
        Assert.Equal("so", events.Text());
    }

    [Fact]
    public async Task What_nobody_is_shown_comes_to_be_counted()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Calls("look_up", """{"word":"insula"}""") with { Thinks = true }), Ct);
        var hidden = string.Concat(events.OfType<HiddenDelta>().Select(static delta => delta.Text));
        Assert.StartsWith("hm", hidden, StringComparison.Ordinal);
        Assert.EndsWith("""{"word":"insula"}""", hidden, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_limit_of_tokens_ends_a_turn_as_cut()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says("half a") with { Stop = UpstreamStop.OutOfTokens }), Ct);
        Assert.Equal(ModelStop.MaxTokens, events.End().Stop);
    }

    [Fact]
    public async Task Cancelling_stops_the_server()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var request = Plan(UpstreamReply.Says("one", "two") with { BeforeFrame = After(1, Never) });
        var turn = Provider.PlayAsync(request, stop.Token);
        var seen = await Upstream.NextRequestAsync(Ct);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => turn);
        await LeftAsync(seen);
    }

    [Fact]
    public async Task Cancelling_before_the_head_of_the_answer_stops_the_server()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var turn = Provider.PlayAsync(Plan(UpstreamReply.Says("one") with { BeforeHead = Never }), stop.Token);
        var seen = await Upstream.NextRequestAsync(Ct);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => turn);
        await LeftAsync(seen);
    }

    [Fact]
    public async Task Leaving_a_turn_stops_the_server()
    {
        var request = Plan(UpstreamReply.Says([.. Enumerable.Repeat("x", 100)]) with { BeforeFrame = After(10, Never) });
        await using (var events = Provider.StreamAsync(request, Ct).GetAsyncEnumerator(Ct)) Assert.True(await events.MoveNextAsync());
        await LeftAsync(await Upstream.NextRequestAsync(Ct));
    }

    [Theory]
    [InlineData("retry-after", "7", 7_000)]
    [InlineData("retry-after-ms", "1500", 1_500)]
    [InlineData("retry-after", "Tue, 01 Jan 2030 00:00:20 GMT", 20_000)]
    [InlineData("retry-after", "Tue, 01 Jan 2019 00:00:00 GMT", 0)]
    [InlineData("retry-after", "86400", 60_000)]
    [InlineData("retry-after-ms", "-5", 0)]
    public async Task The_servers_own_wait_is_told(string header, string value, int milliseconds)
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Fails(429) with { Headers = new Dictionary<string, string> { [header] = value } }), Ct);
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), error.RetryAfter);
    }

    [Theory]
    [InlineData("retry-after", "soon")]
    [InlineData("retry-after-ms", "NaN")]
    [InlineData("x-other", "1")]
    public async Task A_wait_that_makes_no_sense_is_none(string header, string value)
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Fails(503) with { Headers = new Dictionary<string, string> { [header] = value } }), Ct);
        Assert.Null(error.RetryAfter);
    }

    [Theory]
    [InlineData(429, "false", false)]
    [InlineData(503, "false", false)]
    [InlineData(400, "true", true)]
    [InlineData(503, "perhaps", true)]
    public async Task The_servers_word_on_trying_again_wins_over_the_status(int status, string header, bool retryable)
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Fails(status) with { Headers = new Dictionary<string, string> { ["x-should-retry"] = header } }), Ct);
        Assert.Equal(retryable, error.Retryable);
    }

    [Fact]
    public async Task A_turn_that_is_cut_at_any_byte_is_never_taken_for_a_whole_one()
    {
        var reply = UpstreamReply.Says("one", "two") with { Tools = [new UpstreamToolCall("c1", "look_up", """{"word":"x"}""")] };
        var whole = await Provider.PlayAsync(Plan(reply), Ct);
        for (var cut = 0; ; cut += 23)
        {
            var request = Plan(reply with { CutAtByte = cut, CutInGoodOrder = cut % 2 == 0 });
            var reported = Upstream.Reported;
            var events = new List<ModelEvent>();
            var error = await Record.ExceptionAsync(async () =>
            {
                await foreach (var item in Provider.StreamAsync(request, Ct)) events.Add(item);
            });
            // The closing marks may be lost once everything has come; anything less must fail.
            if (error is null)
            {
                Assert.Equal(whole.Select(e => e.GetType()), events.Select(e => e.GetType()));
                Assert.True(cut > 300, $"a turn cut at byte {cut} passed for whole");
                if (Upstream.Reported != reported) return;
                continue;
            }

            var failure = Assert.IsType<ModelException>(error);
            Assert.Equal((ModelFailure.Overloaded, true), (failure.Failure, failure.Retryable));
            Assert.DoesNotContain(events, e => e is ModelTurnEnded);
        }
    }

    [Fact]
    public async Task A_slow_drip_of_single_bytes_gives_the_same_turn()
    {
        var reply = UpstreamReply.Says("Grüße, ", "🏛") with { Tools = [new UpstreamToolCall("c1", "look_up", """{"word":"ü"}""")] };
        var whole = await Provider.PlayAsync(Plan(reply), Ct);
        var dripped = await Provider.PlayAsync(Plan(reply with { BytesPerWrite = 1 }), Ct);
        Assert.Equal(whole.Select(Shown), dripped.Select(Shown));
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_given_up()
    {
        var turn = Provider.FailAsync(Plan(UpstreamReply.Says("x") with { BeforeHead = Never }), Ct);
        var seen = await Upstream.NextRequestAsync(Ct);
        await PassAsync(Server().Limits.FirstByte, turn);
        AssertTimedOut(await turn);
        await LeftAsync(seen);
    }

    [Fact]
    public async Task A_server_that_falls_silent_in_the_middle_is_given_up()
    {
        var request = Plan(UpstreamReply.Says([.. Enumerable.Repeat("x", 100)]) with { BeforeFrame = After(10, Never) });
        await using var events = Provider.StreamAsync(request, Ct).GetAsyncEnumerator(Ct);
        // With text there, the head of the answer is there too, and its limit no longer counts.
        Assert.True(await events.MoveNextAsync());
        var rest = Assert.ThrowsAsync<ModelException>(async () =>
        {
            while (await events.MoveNextAsync())
            {
            }
        });
        await PassAsync(Server().Limits.Idle, rest);
        AssertTimedOut(await rest);
        await LeftAsync(await Upstream.NextRequestAsync(Ct));
    }

    [Fact]
    public async Task An_answer_that_never_ends_is_given_up_though_it_never_falls_silent()
    {
        var request = Plan(UpstreamReply.Says([.. Enumerable.Repeat("x", 10_000)]));
        var said = 0;
        var error = await Assert.ThrowsAsync<ModelException>(async () =>
        {
            await foreach (var item in Provider.StreamAsync(request, Ct))
            {
                said++;
                Clock.Advance(Server().Limits.Idle / 2);
            }
        });
        AssertTimedOut(error);
        Assert.True(said >= Server().Limits.Turn / (Server().Limits.Idle / 2), $"it was given up after {said}");
    }

    [Fact]
    public async Task A_slow_reader_is_not_taken_for_a_slow_server()
    {
        var events = new List<ModelEvent>();
        await foreach (var item in Provider.StreamAsync(Plan(UpstreamReply.Says("one", "two")), Ct))
        {
            events.Add(item);
            Clock.Advance(TimeSpan.FromMinutes(9));
        }

        Assert.Equal("onetwo", events.Text());
    }

    [Theory]
    [InlineData("data: {\"broken\n\n{\"broken\n")]
    [InlineData("data: null\n\nnull\n")]
    [InlineData("data: [1,2]\n\n[1,2]\n")]
    [InlineData("data: {\"type\":7,\"choices\":7,\"message\":7}\n\n")]
    [InlineData("data: {\"choices\":[null],\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\"}}\n\n")]
    [InlineData("\u0000\u0001\u0002")]
    [InlineData("")]
    public async Task Garbage_is_a_clear_failure_that_may_pass(string body)
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Says() with { Body = body }), Ct);
        Assert.Equal((ModelFailure.Overloaded, true), (error.Failure, error.Retryable));
        Assert.StartsWith($"{Provider.Name} ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_web_page_in_place_of_an_answer_is_refused()
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Says() with { Body = "<html>", MediaType = "text/html" }), Ct);
        Assert.Equal(ModelFailure.Refused, error.Failure);
        Assert.Contains("text/html", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        var headers = new Dictionary<string, string> { ["location"] = $"{Upstream.Url}elsewhere" };
        var error = await Provider.FailAsync(Plan(UpstreamReply.Fails(307) with { Headers = headers }), Ct);
        Assert.Equal((ModelFailure.Refused, false), (error.Failure, error.Retryable));
        Assert.Single(Upstream.Requests);
    }

    [Fact]
    public async Task An_answer_without_usage_is_refused()
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Says("x") with { WithoutUsage = true }), Ct);
        Assert.Equal((ModelFailure.Refused, false), (error.Failure, error.Retryable));
        Assert.Contains("usage", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"word":""")]
    [InlineData("""[1]""")]
    [InlineData("words")]
    public async Task A_tool_call_with_wrong_arguments_fails_the_turn_and_names_the_tool(string arguments)
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Calls("look_up", arguments)), Ct);
        Assert.Equal((ModelFailure.Overloaded, true), (error.Failure, error.Retryable));
        Assert.Contains("look_up", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_longer_than_the_limit_is_given_up()
    {
        var provider = Make(Server() with { Limits = new UpstreamLimits { ResponseBytesMax = 2_000 } });
        var error = await provider.FailAsync(Plan(UpstreamReply.Says(new string('x', 5_000))), Ct);
        Assert.Contains("2000 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_away_is_overloaded_and_its_address_stays_hidden()
    {
        var address = AddressAt(Upstream);
        await Upstream.DisposeAsync();
        var error = await Provider.FailAsync(AnyRequest(), Ct);
        Assert.Equal((ModelFailure.Overloaded, true), (error.Failure, error.Retryable));
        Assert.DoesNotContain(address.Authority, error.Message, StringComparison.Ordinal);
        Assert.Empty(await Provider.ListAsync(Ct));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(422)]
    [InlineData(429)]
    [InlineData(500)]
    public async Task No_failure_shows_the_key_or_the_address_though_the_server_repeats_them(int status)
    {
        var reply = UpstreamReply.Fails(status) with { ErrorMessage = $"bad: key {(HasKey ? Key : "none")} at {Upstream.Url}\r\n{new string('y', 2_000)}" };
        var error = await Provider.FailAsync(Plan(reply), Ct);
        Assert.DoesNotContain(Key, error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(AddressAt(Upstream).Authority, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.True(error.Message.Length < 600, error.Message);
    }

    [Fact]
    public async Task A_refused_request_carries_the_servers_reason()
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Fails(400) with { ErrorMessage = "max_tokens is too large" }), Ct);
        Assert.Contains("max_tokens is too large", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_in_the_middle_of_the_stream_fails_the_turn()
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Says("half") with { ErrorEvent = "overloaded_error" }), Ct);
        Assert.Equal((ModelFailure.Overloaded, true), (error.Failure, error.Retryable));
    }

    [Fact]
    public async Task A_provider_that_nobody_set_up_refuses_and_names_the_setting()
    {
        var provider = Make(new ModelServer());
        var error = await provider.FailAsync(AnyRequest(), Ct);
        Assert.Equal((ModelFailure.Refused, false), (error.Failure, error.Retryable));
        Assert.Contains($"INSULA_{provider.Name.ToUpperInvariant()}_", error.Message, StringComparison.Ordinal);
        Assert.Empty(await provider.ListAsync(Ct));
    }

    [Fact]
    public void Nothing_prints_the_key() => Assert.DoesNotContain(Key, $"{Server()} {Provider}", StringComparison.Ordinal);

    protected static Task Never { get; } = new TaskCompletionSource().Task;

    protected static Func<int, Task> After(int frame, Task signal) => index => index > frame ? signal : Task.CompletedTask;

    /// <summary>An event as text: JSON values have no equality.</summary>
    protected static string Shown(ModelEvent item) => item is ToolCalled call ? $"{call.Id} {call.Name} {call.Input.GetRawText()}" : $"{item}";

    /// <summary>Ends when the server saw the client go; the bound is only there so that a fault fails the test and does not hang it.</summary>
    private static Task LeftAsync(UpstreamRequest request) => request.ClientLeft.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Ct);

    private void AssertTimedOut(ModelException error)
    {
        Assert.Equal((ModelFailure.Overloaded, true), (error.Failure, error.Retryable));
        Assert.StartsWith($"{Provider.Name} did not go on within ", error.Message, StringComparison.Ordinal);
    }
}
