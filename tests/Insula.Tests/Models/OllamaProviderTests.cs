using System.Text.Json.Nodes;
using Insula.Agents.Models;
using Insula.Agents.Models.Ollama;
using Insula.TestKit.Upstream;

namespace Insula.Tests.Models;

public sealed class OllamaProviderTests : UpstreamModelContract
{
    protected override bool HasKey => false;

    protected override Uri AddressAt(FakeUpstream upstream) => upstream.Url;

    protected override IModelProvider Create(ModelServer server, TimeProvider time) => new OllamaProvider(server, time);

    [Fact]
    public async Task The_request_has_the_shape_of_the_chat_api()
    {
        var image = new RawContent("image", Conversations.Json("""{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"""));
        var request = Conversations.Ask("look", "llama:8b") with { System = "Be brief.", Messages = [new ModelMessage(ModelRole.User, [new TextContent("look"), image])] };
        request = request.Answer(new ToolCalled("call_1", "look_up", Conversations.Json("""{"word":"x"}""")), "house");
        await Provider.PlayAsync(request, Ct);

        var seen = Upstream.Requests.Single();
        Assert.Equal("/api/chat", seen.Path);
        Assert.False(seen.Headers.ContainsKey("authorization"));
        var expected = JsonNode.Parse("""
            {"model":"llama:8b","stream":true,"options":{"num_predict":1000},
             "tools":[{"type":"function","function":{"name":"look_up","description":"Looks a word up.","parameters":{"type":"object","properties":{"word":{"type":"string"}}}}}],
             "messages":[
              {"role":"system","content":"Be brief."},
              {"role":"user","content":"look","images":["AAAA"]},
              {"role":"assistant","content":"","tool_calls":[{"function":{"name":"look_up","arguments":{"word":"x"}}}]},
              {"role":"tool","tool_name":"look_up","content":"house"}]}
            """);
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(seen.Body.GetRawText())), seen.Body.GetRawText());
    }

    [Fact]
    public async Task Each_tool_call_of_a_conversation_gets_an_id_of_its_own()
    {
        var request = Plan(UpstreamReply.Calls("look_up", "{}"), UpstreamReply.Calls("look_up", "{}"));
        var first = (await Provider.PlayAsync(request, Ct)).OfType<ToolCalled>().Single();
        var second = (await Provider.PlayAsync(request.Answer(first, "ok"), Ct)).OfType<ToolCalled>().Single();
        Assert.NotEqual(first.Id, second.Id);
    }

    [Fact]
    public async Task A_prompt_that_came_whole_from_the_cache_counts_as_none()
    {
        var body = """{"message":{"role":"assistant","content":"x"},"done":true,"done_reason":"stop","eval_count":3}""";
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says() with { Body = body }), Ct);
        Assert.Equal(new TokenUsage(0, 3, 0, 0), events.End().Usage);
    }
}
