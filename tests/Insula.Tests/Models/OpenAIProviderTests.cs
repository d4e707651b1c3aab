using System.Text.Json.Nodes;
using Insula.Agents.Models;
using Insula.Agents.Models.OpenAI;
using Insula.TestKit.Upstream;

namespace Insula.Tests.Models;

public sealed class OpenAIProviderTests : UpstreamModelContract
{
    protected override Uri AddressAt(FakeUpstream upstream) => upstream.OpenAIUrl;

    protected override IModelProvider Create(ModelServer server, TimeProvider time) => new OpenAIProvider(server, time);

    [Fact]
    public async Task The_request_has_the_shape_of_chat_completions()
    {
        var image = new RawContent("image", Conversations.Json("""{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"""));
        var request = Conversations.Ask("look", "org/model") with { System = "Be brief.", Messages = [new ModelMessage(ModelRole.User, [new TextContent("look"), image])] };
        request = request.Answer(new ToolCalled("call_9", "look_up", Conversations.Json("""{"word":"x"}""")), "broken", isError: true);
        await Provider.PlayAsync(request, Ct);

        var seen = Upstream.Requests.Single();
        Assert.Equal("/v1/chat/completions", seen.Path);
        Assert.Equal($"Bearer {Key}", seen.Headers["authorization"]);
        var expected = JsonNode.Parse("""
            {"model":"org/model","max_tokens":1000,"stream":true,"stream_options":{"include_usage":true},
             "tools":[{"type":"function","function":{"name":"look_up","description":"Looks a word up.","parameters":{"type":"object","properties":{"word":{"type":"string"}}}}}],
             "messages":[
              {"role":"system","content":"Be brief."},
              {"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
              {"role":"assistant","content":null,"tool_calls":[{"id":"call_9","type":"function","function":{"name":"look_up","arguments":"{\"word\":\"x\"}"}}]},
              {"role":"tool","tool_call_id":"call_9","content":"The tool failed: broken"}]}
            """);
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(seen.Body.GetRawText())), seen.Body.GetRawText());
    }

    [Fact]
    public async Task A_compatible_server_without_a_key_gets_no_authorization()
    {
        Assert.Equal("ok", (await Make(new ModelServer { BaseUrl = Upstream.OpenAIUrl }).PlayAsync(AnyRequest(), Ct)).Text());
        Assert.False(Upstream.Requests.Single().Headers.ContainsKey("authorization"));
    }

    [Fact]
    public async Task Tokens_from_the_cache_are_not_counted_twice()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says("x") with { InputTokens = 40, CacheReadTokens = 100 }), Ct);
        Assert.Equal(new TokenUsage(40, 11, 100, 0), events.End().Usage);
    }

    [Fact]
    public async Task Several_tool_calls_arrive_in_their_order()
    {
        var reply = UpstreamReply.Says("both") with { Tools = [new("a", "first", """{"n":1}"""), new("b", "second", """{"n":2}""")] };
        var calls = (await Provider.PlayAsync(Plan(reply), Ct)).OfType<ToolCalled>().ToList();
        Assert.Equal(["a first {\"n\":1}", "b second {\"n\":2}"], calls.Select(Shown));
    }

    [Fact]
    public async Task Tool_calls_of_a_server_that_sends_them_whole_and_without_index_are_kept_apart()
    {
        var body = """
            data: {"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"first","arguments":"{}"}},{"id":"b","function":{"name":"second","arguments":"{}"}}]},"finish_reason":"stop"}]}

            data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}

            data: [DONE]


            """;
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says() with { Body = body }), Ct);
        Assert.Equal(["a first {}", "b second {}"], events.OfType<ToolCalled>().Select(Shown));
        Assert.Equal(ModelStop.ToolUse, events.End().Stop);
    }

    [Fact]
    public async Task A_filtered_answer_is_a_refusal() =>
        Assert.Equal(ModelStop.Refusal, (await Provider.PlayAsync(Plan(UpstreamReply.Says("x") with { Stop = UpstreamStop.Refusal }), Ct)).End().Stop);

    [Fact]
    public async Task A_tool_call_cut_by_the_limit_of_tokens_is_dropped()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Calls("look_up", """{"wor""") with { Stop = UpstreamStop.OutOfTokens }), Ct);
        Assert.Equal(ModelStop.MaxTokens, events.End().Stop);
        Assert.Empty(events.OfType<ToolCalled>());
    }

    [Fact]
    public async Task A_quota_that_is_used_up_is_not_tried_again()
    {
        var reply = UpstreamReply.Fails(429) with { Body = """{"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}}""" };
        var error = await Provider.FailAsync(Plan(reply), Ct);
        Assert.Equal((ModelFailure.RateLimited, false), (error.Failure, error.Retryable));
        Assert.DoesNotContain("quota", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_document_that_has_no_shape_there_is_refused_before_anything_is_sent()
    {
        var pdf = new RawContent("document", Conversations.Json("""{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}"""));
        var request = AnyRequest() with { Messages = [new ModelMessage(ModelRole.User, [pdf])] };
        Assert.Contains("document", (await Provider.FailAsync(request, Ct)).Message, StringComparison.Ordinal);
        Assert.Empty(Upstream.Requests);
    }
}
