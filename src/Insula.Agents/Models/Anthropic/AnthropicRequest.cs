using System.Buffers;
using System.Text.Json;

namespace Insula.Agents.Models.Anthropic;

/// <summary>
/// The body of <c>POST /v1/messages</c>. Images and documents are in this shape already and pass through. Blank text is
/// left out, because the API refuses a request that holds any.
/// </summary>
internal static class AnthropicRequest
{
    public static ReadOnlyMemory<byte> Write(ModelRequest request)
    {
        var body = new ArrayBufferWriter<byte>(4096);
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model);
        json.WriteNumber("max_tokens"u8, request.MaxTokens);
        json.WriteBoolean("stream"u8, true);
        if (!string.IsNullOrWhiteSpace(request.System)) json.WriteString("system"u8, request.System);
        WriteTools(json, request.Tools);
        json.WriteStartArray("messages"u8);
        foreach (var message in request.Messages) WriteMessage(json, message);
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return body.WrittenMemory;
    }

    private static void WriteTools(Utf8JsonWriter json, IReadOnlyList<ToolSpec> tools)
    {
        if (tools.Count == 0) return;
        json.WriteStartArray("tools"u8);
        foreach (var tool in tools)
        {
            json.WriteStartObject();
            json.WriteString("name"u8, tool.Name);
            json.WriteString("description"u8, tool.Description);
            json.WritePropertyName("input_schema"u8);
            tool.InputSchema.WriteTo(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteMessage(Utf8JsonWriter json, ModelMessage message)
    {
        var blocks = message.Content.Where(block => block is not TextContent text || !string.IsNullOrWhiteSpace(text.Text)).ToList();
        if (blocks.Count == 0) return;
        json.WriteStartObject();
        json.WriteString("role"u8, message.Role == ModelRole.User ? "user"u8 : "assistant"u8);
        json.WriteStartArray("content"u8);
        foreach (var block in blocks) WriteBlock(json, block);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteBlock(Utf8JsonWriter json, ModelContent content)
    {
        if (content is RawContent raw)
        {
            raw.Block.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        switch (content)
        {
            case TextContent text:
                json.WriteString("type"u8, "text"u8);
                json.WriteString("text"u8, text.Text);
                break;
            case ToolCallContent call:
                json.WriteString("type"u8, "tool_use"u8);
                json.WriteString("id"u8, call.Id);
                json.WriteString("name"u8, call.Name);
                json.WritePropertyName("input"u8);
                call.Input.WriteTo(json);
                break;
            case ToolResultContent result:
                json.WriteString("type"u8, "tool_result"u8);
                json.WriteString("tool_use_id"u8, result.CallId);
                json.WriteString("content"u8, result.Text);
                if (result.IsError) json.WriteBoolean("is_error"u8, true);
                break;
        }

        json.WriteEndObject();
    }
}
