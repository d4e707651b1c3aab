using System.Text.Json;
using System.Text.Json.Serialization;

namespace Insula.Agents.Models.Ollama;

/// <summary>One line of a streamed chat; the last one is done and carries the counts.</summary>
/// <param name="PromptEvalCount">Left out by servers that had the whole prompt in their cache.</param>
internal sealed record OllamaLine(
    OllamaMessage? Message,
    bool Done,
    string? DoneReason,
    long? PromptEvalCount,
    long? EvalCount,
    string? Error);

internal sealed record OllamaMessage(string? Content, string? Thinking, IReadOnlyList<OllamaToolCall>? ToolCalls);

internal sealed record OllamaToolCall(OllamaFunction? Function);

internal sealed record OllamaFunction(string? Name, JsonElement Arguments);

internal sealed record OllamaTags(IReadOnlyList<OllamaTag>? Models);

internal sealed record OllamaTag(string? Name);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(OllamaLine))]
[JsonSerializable(typeof(OllamaTags))]
internal sealed partial class OllamaJson : JsonSerializerContext;
