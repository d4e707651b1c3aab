using System.Text.Json.Nodes;

namespace Insula.TestKit.Upstream;

/// <summary>Ollama's chat: a line of JSON for each piece, the last one done and with the counts.</summary>
public sealed class OllamaWire : UpstreamWire
{
    public override string StreamMediaType => "application/x-ndjson";

    public override IEnumerable<string> Frames(UpstreamReply reply)
    {
        if (reply.Thinks)
        {
            yield return Line(new() { ["role"] = "assistant", ["content"] = "", ["thinking"] = "hm" });
            yield return Line(new() { ["role"] = "assistant", ["content"] = "", ["thinking"] = "so" });
        }

        foreach (var text in reply.Text) yield return Line(new() { ["role"] = "assistant", ["content"] = text });
        if (reply.Tools.Count > 0) yield return Line(new() { ["role"] = "assistant", ["content"] = "", ["tool_calls"] = Calls(reply) });
        if (reply.ErrorEvent is not null)
        {
            yield return $"{new JsonObject { ["error"] = reply.ErrorMessage }.ToJsonString()}\n";
            yield break;
        }

        if (!reply.WithoutEnd) yield return $"{End(reply, "").ToJsonString()}\n";
    }

    public override JsonObject Whole(UpstreamReply reply)
    {
        var whole = End(reply, string.Concat(reply.Text));
        if (reply.Tools.Count > 0) whole["message"]!["tool_calls"] = Calls(reply);
        return whole;
    }

    public override JsonObject Error(string message, string type) => new() { ["error"] = message };

    public override JsonObject Models(IReadOnlyList<string> names) =>
        new() { ["models"] = new JsonArray([.. names.Select(name => new JsonObject { ["name"] = name, ["model"] = name })]) };

    private static JsonArray Calls(UpstreamReply reply) =>
        [.. reply.Tools.Select(call => new JsonObject { ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = Parsed(call.Arguments) } })];

    private static string Line(JsonObject message) =>
        $"{new JsonObject { ["model"] = "fake", ["message"] = message, ["done"] = false }.ToJsonString()}\n";

    private static JsonObject End(UpstreamReply reply, string content)
    {
        var end = new JsonObject
        {
            ["model"] = "fake",
            ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = content },
            ["done"] = true,
            ["done_reason"] = reply.Stop == UpstreamStop.OutOfTokens ? "length" : "stop",
        };
        if (reply.WithoutUsage) return end;
        end["prompt_eval_count"] = reply.InputTokens;
        end["eval_count"] = reply.OutputTokens;
        return end;
    }
}
