using System.Buffers;
using System.Text.Json;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.OpenAI;

/// <summary>
/// The body of <c>POST /chat/completions</c>. Tool results become messages of their own and come before what else the
/// user's turn says, since they must follow the calls directly.
/// </summary>
/// <param name="outputLimit"><c>max_completion_tokens</c> at OpenAI itself, whose newer models refuse <c>max_tokens</c>; that elsewhere, since every compatible server knows it.</param>
internal sealed class OpenAIRequest(string outputLimit)
{
    public ReadOnlyMemory<byte> Write(ModelRequest request)
    {
        var body = new ArrayBufferWriter<byte>(4096);
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model);
        json.WriteNumber(outputLimit, request.MaxTokens);
        json.WriteBoolean("stream"u8, true);
        json.WriteStartObject("stream_options"u8);
        json.WriteBoolean("include_usage"u8, true);
        json.WriteEndObject();
        FunctionTools.Write(json, request.Tools);
        json.WriteStartArray("messages"u8);
        if (!string.IsNullOrWhiteSpace(request.System)) WriteText(json, "system"u8, request.System);
        foreach (var message in request.Messages)
        {
            if (message.Role == ModelRole.Assistant) WriteAssistant(json, message.Content);
            else WriteUser(json, message.Content);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return body.WrittenMemory;
    }

    private static void WriteText(Utf8JsonWriter json, ReadOnlySpan<byte> role, string text)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, role);
        json.WriteString("content"u8, text);
        json.WriteEndObject();
    }

    private static void WriteAssistant(Utf8JsonWriter json, IReadOnlyList<ModelContent> content)
    {
        var calls = content.OfType<ToolCallContent>().ToList();
        var text = string.Concat(content.OfType<TextContent>().Select(t => t.Text));
        json.WriteStartObject();
        json.WriteString("role"u8, "assistant"u8);
        if (text.Length > 0 || calls.Count == 0) json.WriteString("content"u8, text);
        else json.WriteNull("content"u8);
        if (calls.Count > 0)
        {
            json.WriteStartArray("tool_calls"u8);
            foreach (var call in calls) WriteCall(json, call);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteCall(Utf8JsonWriter json, ToolCallContent call)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, call.Id);
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteString("name"u8, call.Name);
        json.WriteString("arguments"u8, call.Input.GetRawText());
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteUser(Utf8JsonWriter json, IReadOnlyList<ModelContent> content)
    {
        foreach (var result in content.OfType<ToolResultContent>())
        {
            json.WriteStartObject();
            json.WriteString("role"u8, "tool"u8);
            json.WriteString("tool_call_id"u8, result.CallId);
            // The protocol has no mark for a failed call, so the text says it.
            json.WriteString("content"u8, result.IsError ? $"The tool failed: {result.Text}" : result.Text);
            json.WriteEndObject();
        }

        var rest = content.Where(block => block is TextContent or RawContent).ToList();
        if (rest.Count == 0) return;
        json.WriteStartObject();
        json.WriteString("role"u8, "user"u8);
        json.WriteStartArray("content"u8);
        foreach (var block in rest) OpenAIParts.Write(json, block);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
