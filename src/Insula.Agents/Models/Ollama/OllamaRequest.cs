using System.Buffers;
using System.Text.Json;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.Ollama;

/// <summary>
/// The body of <c>POST /api/chat</c>. The protocol gives tool calls no ids: a result follows its call and names the tool,
/// so the names are looked up in the conversation.
/// </summary>
internal static class OllamaRequest
{
    /// <summary>Throws <see cref="ModelException"/> (Refused) for a block that the API has no shape for.</summary>
    public static ReadOnlyMemory<byte> Write(ModelRequest request)
    {
        var body = new ArrayBufferWriter<byte>(4096);
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model);
        json.WriteBoolean("stream"u8, true);
        json.WriteStartObject("options"u8);
        json.WriteNumber("num_predict"u8, request.MaxTokens);
        json.WriteEndObject();
        FunctionTools.Write(json, request.Tools);
        json.WriteStartArray("messages"u8);
        if (!string.IsNullOrWhiteSpace(request.System)) WriteText(json, "system"u8, request.System);
        var tools = request.Messages.SelectMany(m => m.Content).OfType<ToolCallContent>().GroupBy(c => c.Id).ToDictionary(c => c.Key, c => c.First().Name);
        foreach (var message in request.Messages)
        {
            if (message.Role == ModelRole.Assistant) WriteAssistant(json, message.Content);
            else WriteUser(json, message.Content, tools);
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
        json.WriteStartObject();
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("content"u8, string.Concat(content.OfType<TextContent>().Select(t => t.Text)));
        var calls = content.OfType<ToolCallContent>().ToList();
        if (calls.Count > 0)
        {
            json.WriteStartArray("tool_calls"u8);
            foreach (var call in calls)
            {
                json.WriteStartObject();
                json.WriteStartObject("function"u8);
                json.WriteString("name"u8, call.Name);
                json.WritePropertyName("arguments"u8);
                call.Input.WriteTo(json);
                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteUser(Utf8JsonWriter json, IReadOnlyList<ModelContent> content, Dictionary<string, string> tools)
    {
        foreach (var result in content.OfType<ToolResultContent>())
        {
            json.WriteStartObject();
            json.WriteString("role"u8, "tool"u8);
            if (tools.TryGetValue(result.CallId, out var tool)) json.WriteString("tool_name"u8, tool);
            json.WriteString("content"u8, result.IsError ? $"The tool failed: {result.Text}" : result.Text);
            json.WriteEndObject();
        }

        var rest = content.Where(block => block is TextContent or RawContent).ToList();
        if (rest.Count == 0) return;
        var images = rest.OfType<RawContent>().Select(RawBlock.Image).OfType<(string MediaType, string Data)>().ToList();
        json.WriteStartObject();
        json.WriteString("role"u8, "user"u8);
        json.WriteString("content"u8, string.Join('\n', rest.Select(TextOf).OfType<string>()));
        if (images.Count > 0)
        {
            json.WriteStartArray("images"u8);
            foreach (var (_, data) in images) json.WriteStringValue(data);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static string? TextOf(ModelContent content)
    {
        if (content is TextContent text) return text.Text;
        var raw = (RawContent)content;
        return RawBlock.Image(raw) is not null
            ? null
            : RawBlock.Text(raw) ?? throw UpstreamFailure.Refused($"{OllamaProvider.ProviderName} takes text, base64 images and text documents; this {raw.Type} is of another kind.");
    }
}
