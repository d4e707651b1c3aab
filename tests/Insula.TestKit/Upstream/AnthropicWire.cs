using System.Text.Json.Nodes;

namespace Insula.TestKit.Upstream;

/// <summary>Anthropic Messages, as its published types and its streaming guide show it.</summary>
public sealed class AnthropicWire : UpstreamWire
{
    public override string StreamMediaType => "text/event-stream";

    public override IEnumerable<string> Frames(UpstreamReply reply)
    {
        var start = new JsonObject { ["id"] = "msg_1", ["type"] = "message", ["role"] = "assistant", ["content"] = new JsonArray(), ["model"] = "fake", ["stop_reason"] = null };
        if (!reply.WithoutUsage) start["usage"] = Usage(reply, outputTokens: 1);
        yield return Event("message_start", new() { ["message"] = start });
        yield return Event("ping", []);
        foreach (var (index, block) in Blocks(reply).Index())
        {
            yield return Event("content_block_start", new() { ["index"] = index, ["content_block"] = block.Start });
            foreach (var delta in block.Deltas) yield return Event("content_block_delta", new() { ["index"] = index, ["delta"] = delta });
            yield return Event("content_block_stop", new() { ["index"] = index });
        }

        if (reply.ErrorEvent is { } type)
        {
            yield return Event("error", new() { ["error"] = new JsonObject { ["type"] = type, ["message"] = reply.ErrorMessage } });
            yield break;
        }

        if (reply.WithoutEnd) yield break;
        var end = new JsonObject { ["delta"] = new JsonObject { ["stop_reason"] = StopReason(reply), ["stop_sequence"] = null } };
        if (!reply.WithoutUsage) end["usage"] = new JsonObject { ["output_tokens"] = reply.OutputTokens };
        yield return Event("message_delta", end);
        yield return Event("message_stop", []);
    }

    public override JsonObject Whole(UpstreamReply reply)
    {
        var content = new JsonArray();
        if (reply.Text.Count > 0) content.Add((JsonNode)new JsonObject { ["type"] = "text", ["text"] = string.Concat(reply.Text) });
        foreach (var call in reply.Tools) content.Add((JsonNode)new JsonObject { ["type"] = "tool_use", ["id"] = call.Id, ["name"] = call.Name, ["input"] = Parsed(call.Arguments) });
        return new JsonObject
        {
            ["id"] = "msg_1",
            ["type"] = "message",
            ["role"] = "assistant",
            ["model"] = "fake",
            ["content"] = content,
            ["stop_reason"] = StopReason(reply),
            ["usage"] = Usage(reply, reply.OutputTokens),
        };
    }

    public override JsonObject Error(string message, string type) =>
        new() { ["type"] = "error", ["error"] = new JsonObject { ["type"] = type, ["message"] = message } };

    public override JsonObject Models(IReadOnlyList<string> names) => new()
    {
        ["data"] = new JsonArray([.. names.Select(name => new JsonObject { ["type"] = "model", ["id"] = name, ["display_name"] = name })]),
        ["has_more"] = false,
    };

    private static IEnumerable<(JsonObject Start, IEnumerable<JsonObject> Deltas)> Blocks(UpstreamReply reply)
    {
        if (reply.Thinks)
        {
            yield return (
                new() { ["type"] = "thinking", ["thinking"] = "", ["signature"] = "" },
                [new() { ["type"] = "thinking_delta", ["thinking"] = "hm" }, new() { ["type"] = "signature_delta", ["signature"] = "c2ln" }]);
        }

        if (reply.Text.Count > 0)
            yield return (new() { ["type"] = "text", ["text"] = "" }, reply.Text.Select(text => new JsonObject { ["type"] = "text_delta", ["text"] = text }));
        foreach (var call in reply.Tools)
        {
            var half = call.Arguments.Length / 2;
            yield return (
                new() { ["type"] = "tool_use", ["id"] = call.Id, ["name"] = call.Name, ["input"] = new JsonObject() },
                new[] { "", call.Arguments[..half], call.Arguments[half..] }.Select(part => new JsonObject { ["type"] = "input_json_delta", ["partial_json"] = part }));
        }
    }

    private static JsonObject Usage(UpstreamReply reply, long outputTokens) => new()
    {
        ["input_tokens"] = reply.InputTokens,
        ["cache_creation_input_tokens"] = reply.CacheWriteTokens,
        ["cache_read_input_tokens"] = reply.CacheReadTokens,
        ["output_tokens"] = outputTokens,
    };

    private static string StopReason(UpstreamReply reply) => reply.Stop switch
    {
        UpstreamStop.OutOfTokens => "max_tokens",
        UpstreamStop.Refusal => "refusal",
        _ => reply.Tools.Count > 0 ? "tool_use" : "end_turn",
    };

    private static string Event(string type, JsonObject data)
    {
        data.Insert(0, "type", type);
        return $"event: {type}\n{Data(data)}";
    }
}
