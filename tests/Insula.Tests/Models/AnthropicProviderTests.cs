using System.Text.Json.Nodes;
using Insula.Agents.Models;
using Insula.Agents.Models.Anthropic;
using Insula.TestKit.Upstream;

namespace Insula.Tests.Models;

public sealed class AnthropicProviderTests : UpstreamModelContract
{
    protected override Uri AddressAt(FakeUpstream upstream) => upstream.Url;

    protected override IModelProvider Create(ModelServer server, TimeProvider time) => new AnthropicProvider(server, time);

    [Fact]
    public async Task The_request_has_the_shape_of_the_messages_api()
    {
        var image = new RawContent("image", Conversations.Json("""{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"""));
        var request = Conversations.Ask("look", "claude-x") with { System = "Be brief.", Messages = [new ModelMessage(ModelRole.User, [new TextContent(" "), new TextContent("look"), image])] };
        request = request.Answer(new ToolCalled("toolu_9", "look_up", Conversations.Json("""{"word":"x"}""")), "failed", isError: true);
        await Provider.PlayAsync(request, Ct);

        var seen = Upstream.Requests.Single();
        Assert.Equal("/v1/messages", seen.Path);
        Assert.Equal(Key, seen.Headers["x-api-key"]);
        Assert.Equal("2023-06-01", seen.Headers["anthropic-version"]);
        Assert.False(seen.Headers.ContainsKey("authorization"));
        var expected = JsonNode.Parse("""
            {"model":"claude-x","max_tokens":1000,"stream":true,"system":"Be brief.",
             "tools":[{"name":"look_up","description":"Looks a word up.","input_schema":{"type":"object","properties":{"word":{"type":"string"}}}}],
             "messages":[
              {"role":"user","content":[{"type":"text","text":"look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},
              {"role":"assistant","content":[{"type":"tool_use","id":"toolu_9","name":"look_up","input":{"word":"x"}}]},
              {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_9","content":"failed","is_error":true}]}]}
            """);
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(seen.Body.GetRawText())), seen.Body.GetRawText());
    }

    [Fact]
    public async Task Tokens_of_the_cache_are_counted_apart()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says("x") with { CacheReadTokens = 100, CacheWriteTokens = 20 }), Ct);
        Assert.Equal(new TokenUsage(7, 11, 100, 20), events.End().Usage);
    }

    [Fact]
    public async Task What_it_took_in_is_told_before_the_first_word()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says("x") with { CacheReadTokens = 100, CacheWriteTokens = 20 }), Ct);
        Assert.Equal(new UsageReported(new TokenUsage(7, 1, 100, 20)), events[0]);
        Assert.Single(events.OfType<UsageReported>());
    }

    [Fact]
    public async Task A_refusal_ends_the_turn_as_one() =>
        Assert.Equal(ModelStop.Refusal, (await Provider.PlayAsync(Plan(UpstreamReply.Says("I cannot.") with { Stop = UpstreamStop.Refusal }), Ct)).End().Stop);

    [Fact]
    public async Task A_tool_call_cut_by_the_limit_of_tokens_is_dropped()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Calls("look_up", """{"wor""") with { Stop = UpstreamStop.OutOfTokens }), Ct);
        Assert.Equal(ModelStop.MaxTokens, events.End().Stop);
        Assert.Empty(events.OfType<ToolCalled>());
    }

    [Theory]
    [InlineData("overloaded_error", ModelFailure.Overloaded, true)]
    [InlineData("api_error", ModelFailure.Overloaded, true)]
    [InlineData("rate_limit_error", ModelFailure.RateLimited, true)]
    [InlineData("invalid_request_error", ModelFailure.Refused, false)]
    [InlineData("authentication_error", ModelFailure.Refused, false)]
    public async Task An_error_event_means_what_its_type_says(string type, ModelFailure failure, bool retryable)
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Says("half") with { ErrorEvent = type }), Ct);
        Assert.Equal((failure, retryable), (error.Failure, error.Retryable));
    }

    [Fact]
    public async Task A_server_of_ones_own_may_need_no_key()
    {
        Assert.Equal("ok", (await Make(new ModelServer { BaseUrl = Upstream.Url }).PlayAsync(AnyRequest(), Ct)).Text());
        Assert.False(Upstream.Requests.Single().Headers.ContainsKey("x-api-key"));
    }
}
