using System.Text.Json;
using System.Text.Json.Serialization;

namespace Insula.Agents.Models.Anthropic;

/// <summary>One event of a streamed message. Members that a type of event does not have are null; new types are ignored.</summary>
internal sealed record AnthropicEvent(
    string? Type,
    int Index,
    AnthropicMessage? Message,
    AnthropicBlock? ContentBlock,
    AnthropicDelta? Delta,
    AnthropicUsage? Usage,
    AnthropicError? Error);

internal sealed record AnthropicMessage(AnthropicUsage? Usage);

internal sealed record AnthropicBlock(string? Type, string? Id, string? Name, string? Text, JsonElement Input);

internal sealed record AnthropicDelta(string? Type, string? Text, string? Thinking, string? PartialJson, string? StopReason);

/// <summary>Counts so far: the ones in <c>message_delta</c> are cumulative and take the place of those in <c>message_start</c>.</summary>
internal sealed record AnthropicUsage(long? InputTokens, long? OutputTokens, long? CacheReadInputTokens, long? CacheCreationInputTokens)
{
    public AnthropicUsage With(AnthropicUsage? later) => later is null
        ? this
        : new(
            later.InputTokens ?? InputTokens,
            later.OutputTokens ?? OutputTokens,
            later.CacheReadInputTokens ?? CacheReadInputTokens,
            later.CacheCreationInputTokens ?? CacheCreationInputTokens);
}

internal sealed record AnthropicError(string? Type, string? Message);

internal sealed record AnthropicModels(IReadOnlyList<AnthropicModel>? Data);

internal sealed record AnthropicModel(string? Id);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(AnthropicEvent))]
[JsonSerializable(typeof(AnthropicModels))]
internal sealed partial class AnthropicJson : JsonSerializerContext;
