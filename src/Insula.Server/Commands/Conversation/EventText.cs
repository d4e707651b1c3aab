using System.Text.Json;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands.Conversation;

/// <summary>What an event of the log says, in words.</summary>
internal static class EventText
{
    private const int LineMax = 160;

    /// <summary>The text blocks of an event's content, one under the other.</summary>
    public static string Of(JsonElement data) =>
        data.At("content") is { ValueKind: JsonValueKind.Array } content
            ? string.Join('\n', content.EnumerateArray().Select(static block => block.At("text") is null ? $"[{block.TextAt("type")}]" : block.TextAt("text")))
            : "";

    /// <summary>A call as <c>name {input}</c>, cut to one line.</summary>
    public static string OfCall(JsonElement data) => Short($"{data.TextAt("name")} {data.At("input")?.GetRawText()}");

    /// <summary>The whole event in one line.</summary>
    public static string Summary(JsonElement data) => data.TextAt("type") switch
    {
        "user.message" or "agent.message" or "system.message" or "user.custom_tool_result" => Short(Of(data)),
        "agent.tool_use" or "agent.custom_tool_use" => OfCall(data) + (data.TextAt("evaluated_permission") is "ask" ? "  (asks for permission)" : ""),
        "agent.tool_result" => (data.At("is_error") is { ValueKind: JsonValueKind.True } ? "error: " : "") + Short(Of(data)),
        "user.tool_confirmation" => Short($"{data.TextAt("result")} {data.TextAt("deny_message")}"),
        "session.error" => Short(data.TextAt("error.message")),
        "session.forked" => $"of {data.TextAt("session_id")} at {data.At("at")}",
        "session.status_idle" => data.TextAt("stop_reason.type"),
        "span.model_request_end" => $"{data.At("model_usage.input_tokens")} tokens in, {data.At("model_usage.output_tokens")} out",
        _ => "",
    };

    public static string Short(string text)
    {
        var line = PlainText.Line(text).Trim();
        return line.Length <= LineMax ? line : string.Concat(line.AsSpan(0, LineMax - 1), "…");
    }
}
