using System.Text.Json;
using System.Text.Json.Serialization;

namespace Insula.Agents.Models.OpenAI;

/// <summary>One chunk of a streamed completion. <see cref="Done"/> stands for the closing <c>[DONE]</c>.</summary>
internal sealed record OpenAIChunk(IReadOnlyList<OpenAIChoice>? Choices, OpenAIUsage? Usage, OpenAIError? Error)
{
    public static OpenAIChunk Done { get; } = new(null, null, null);
}

internal sealed record OpenAIChoice(OpenAIDelta? Delta, string? FinishReason);

/// <param name="ReasoningContent">What DeepSeek, vLLM and others call the thoughts of a reasoning model.</param>
/// <param name="Reasoning">The other name of the same.</param>
internal sealed record OpenAIDelta(string? Content, string? Refusal, string? ReasoningContent, string? Reasoning, IReadOnlyList<OpenAIToolCall>? ToolCalls);

/// <param name="Index">Which call a part belongs to; some servers leave it out and send each call whole.</param>
internal sealed record OpenAIToolCall(int? Index, string? Id, OpenAIFunction? Function);

internal sealed record OpenAIFunction(string? Name, string? Arguments);

/// <summary>Prompt tokens count those read from a cache too.</summary>
internal sealed record OpenAIUsage(long? PromptTokens, long? CompletionTokens, OpenAIPromptDetails? PromptTokensDetails, OpenAICompletionDetails? CompletionTokensDetails);

internal sealed record OpenAIPromptDetails(long? CachedTokens);

internal sealed record OpenAICompletionDetails(long? ReasoningTokens);

/// <param name="Code">Text at OpenAI, a status number at others.</param>
internal sealed record OpenAIError(string? Message, string? Type, JsonElement Code);

internal sealed record OpenAIModels(IReadOnlyList<OpenAIModel>? Data);

internal sealed record OpenAIModel(string? Id);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(OpenAIChunk))]
[JsonSerializable(typeof(OpenAIModels))]
internal sealed partial class OpenAIJson : JsonSerializerContext;
