using System.Text.Json.Nodes;

namespace Insula.TestKit.Upstream;

/// <summary>OpenAI Chat Completions, with the usage in a last chunk of its own as <c>include_usage</c> asks for.</summary>
public sealed class OpenAIWire : UpstreamWire
{
    public override string StreamMediaType => "text/event-stream";

    public override IEnumerable<string> Frames(UpstreamReply reply)
    {
        yield return Chunk(new() { ["role"] = "assistant", ["content"] = "" });
        if (reply.Thinks)
        {
            yield return Chunk(new() { ["reasoning_content"] = "hm" });
            yield return Chunk(new() { ["reasoning_content"] = "so" });
        }

        foreach (var text in reply.Text) yield return Chunk(new() { ["content"] = text });
        foreach (var (index, call) in reply.Tools.Index())
        {
            var half = call.Arguments.Length / 2;
            yield return Chunk(ToolPart(index, call.Arguments[..half], call));
            yield return Chunk(ToolPart(index, call.Arguments[half..]));
        }

        if (reply.ErrorEvent is { } type)
        {
            yield return Data(Error(reply.ErrorMessage, type));
            yield break;
        }

        if (reply.WithoutEnd) yield break;
        yield return Chunk([], FinishReason(reply));
        if (!reply.WithoutUsage) yield return Data(new JsonObject { ["object"] = "chat.completion.chunk", ["choices"] = new JsonArray(), ["usage"] = Usage(reply) });
        yield return "data: [DONE]\n\n";
    }

    public override JsonObject Whole(UpstreamReply reply)
    {
        var message = new JsonObject { ["role"] = "assistant", ["content"] = reply.Text.Count > 0 ? string.Concat(reply.Text) : null };
        if (reply.Tools.Count > 0)
        {
            message["tool_calls"] = new JsonArray([.. reply.Tools.Select(call => new JsonObject
            {
                ["id"] = call.Id,
                ["type"] = "function",
                ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = call.Arguments },
            })]);
        }

        return new JsonObject
        {
            ["id"] = "chatcmpl-1",
            ["object"] = "chat.completion",
            ["model"] = "fake",
            ["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["message"] = message, ["finish_reason"] = FinishReason(reply) }),
            ["usage"] = Usage(reply),
        };
    }

    public override JsonObject Error(string message, string type) =>
        new() { ["error"] = new JsonObject { ["message"] = message, ["type"] = type, ["param"] = null, ["code"] = type } };

    public override JsonObject Models(IReadOnlyList<string> names) => new()
    {
        ["object"] = "list",
        ["data"] = new JsonArray([.. names.Select(name => new JsonObject { ["id"] = name, ["object"] = "model", ["owned_by"] = "fake" })]),
    };

    private static JsonObject ToolPart(int index, string arguments, UpstreamToolCall? call = null)
    {
        var part = new JsonObject { ["index"] = index, ["function"] = new JsonObject { ["arguments"] = arguments } };
        if (call is not null)
        {
            part["id"] = call.Id;
            part["type"] = "function";
            part["function"]!["name"] = call.Name;
        }

        return new JsonObject { ["tool_calls"] = new JsonArray(part) };
    }

    /// <summary>Prompt tokens count what came from the cache too; there is no count of what was written to it.</summary>
    private static JsonObject Usage(UpstreamReply reply) => new()
    {
        ["prompt_tokens"] = reply.InputTokens + reply.CacheReadTokens,
        ["completion_tokens"] = reply.OutputTokens,
        ["total_tokens"] = reply.InputTokens + reply.CacheReadTokens + reply.OutputTokens,
        ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = reply.CacheReadTokens },
    };

    private static string FinishReason(UpstreamReply reply) => reply.Stop switch
    {
        UpstreamStop.OutOfTokens => "length",
        UpstreamStop.Refusal => "content_filter",
        _ => reply.Tools.Count > 0 ? "tool_calls" : "stop",
    };

    private static string Chunk(JsonObject delta, string? finishReason = null) => Data(new JsonObject
    {
        ["id"] = "chatcmpl-1",
        ["object"] = "chat.completion.chunk",
        ["model"] = "fake",
        ["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["delta"] = delta, ["finish_reason"] = finishReason }),
        ["usage"] = null,
    });
}
