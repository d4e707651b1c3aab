using System.Text.Json;
using Insula.Tenancy.Access;

namespace Insula.Agents.Models;

/// <summary>
/// A source of model turns: <c>anthropic</c>, <c>openai</c>, <c>ollama</c>, <c>insula</c> (reader and scripted).
/// Behaviour is specified by ModelProviderContract in Insula.Tests, which every implementation passes.
/// </summary>
public interface IModelProvider
{
    /// <summary>The part of a model name before the slash; a built-in provider of one model has that model's whole name.</summary>
    string Name { get; }

    /// <summary>
    /// One model turn: deltas as they come, then exactly one <see cref="ModelTurnEnded"/> as the last. A provider that learns
    /// on the way what is used says so with <see cref="UsageReported"/>. Never retries: a failure is a <see cref="ModelException"/> and the run decides. Ending the enumeration or the token stops the
    /// upstream call.
    /// </summary>
    IAsyncEnumerable<ModelEvent> StreamAsync(ModelRequest request, CancellationToken ct);

    /// <summary>
    /// What the turn will use at most, where the provider knows that before it is asked; null where it has to be estimated.
    /// The output may be more than <see cref="ModelRequest.MaxTokens"/> says, for a provider that does not heed it.
    /// </summary>
    TokenUsage? Foresee(ModelRequest request) => null;

    /// <summary>Whole names of the models that can be named now, for <c>GET models</c>; empty when the upstream cannot be asked.</summary>
    Task<IReadOnlyList<string>> ListAsync(CancellationToken ct);
}

/// <param name="Model">The part of the model name after the slash.</param>
/// <param name="Messages">Oldest first; begins with a user turn, and every tool call is answered in the turn after it.</param>
public sealed record ModelRequest(
    TenantScope Scope,
    string Model,
    string? System,
    IReadOnlyList<ModelMessage> Messages,
    IReadOnlyList<ToolSpec> Tools,
    int MaxTokens)
{
    /// <summary>
    /// The same for every attempt of one step, after a crash too, and for no other step: a provider that honours it answers
    /// and charges a repeated request once. Null for none.
    /// </summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Whether <see cref="MaxTokens"/> is all that there is money for, and not only where an answer is long enough.</summary>
    public bool IsCapped { get; init; }
}

public sealed record ToolSpec(string Name, string Description, JsonElement InputSchema);

public enum ModelRole
{
    User,
    Assistant,
}

public sealed record ModelMessage(ModelRole Role, IReadOnlyList<ModelContent> Content);

public abstract record ModelContent;

public sealed record TextContent(string Text) : ModelContent;

/// <summary>An image or document block in the Anthropic shape, for providers that take it.</summary>
public sealed record RawContent(string Type, JsonElement Block) : ModelContent;

public sealed record ToolCallContent(string Id, string Name, JsonElement Input) : ModelContent;

public sealed record ToolResultContent(string CallId, string Text, bool IsError) : ModelContent;

public abstract record ModelEvent;

public sealed record TextDelta(string Text) : ModelEvent;

/// <summary>The model began to think; its thoughts are not carried.</summary>
public sealed record ThinkingStarted : ModelEvent;

/// <summary>
/// Output that nobody is shown as it comes, but that is paid for: thoughts, and the parts of a call's arguments. It is for
/// counting and goes nowhere else.
/// </summary>
public sealed record HiddenDelta(string Text) : ModelEvent;

/// <summary>
/// What the provider has counted by now: all of the input, and the output so far. Never more tokens than the end says.
/// </summary>
public sealed record UsageReported(TokenUsage SoFar) : ModelEvent;

/// <summary>A complete tool call. <paramref name="Id"/> is the provider's; the log gives the call an id of its own.</summary>
public sealed record ToolCalled(string Id, string Name, JsonElement Input) : ModelEvent;

public sealed record ModelTurnEnded(ModelStop Stop, TokenUsage Usage) : ModelEvent;

public enum ModelStop
{
    EndTurn,
    ToolUse,
    MaxTokens,
    Refusal,
}

public enum ModelFailure
{
    /// <summary>Busy or broken upstream (5xx, 529, connection lost, time-out): may pass.</summary>
    Overloaded,

    /// <summary>429: may pass.</summary>
    RateLimited,

    /// <summary>The request or the key is refused, or the model is unknown: does not pass by waiting.</summary>
    Refused,
}

/// <summary>A failed model call. The message is for the tenant: it names provider and status, never a key or an address.</summary>
public sealed class ModelException(ModelFailure failure, string message, bool retryable, TimeSpan? retryAfter = null, Exception? inner = null)
    : Exception(message, inner)
{
    public ModelFailure Failure { get; } = failure;

    /// <summary>Whether the run should try again: the upstream's <c>x-should-retry</c> when it sent one, else by kind.</summary>
    public bool Retryable { get; } = retryable;

    /// <summary>The upstream's own wait (<c>retry-after-ms</c> or <c>retry-after</c>).</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
