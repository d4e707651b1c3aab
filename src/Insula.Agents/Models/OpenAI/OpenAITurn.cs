using System.Text;
using System.Text.Json;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.OpenAI;

/// <summary>
/// Puts the chunks of one streamed completion together. Tool calls come in parts, named by index, and count when the turn
/// ends; one that the limit of tokens cut off is dropped. The turn is whole with its finish reason and its usage, which
/// comes in a chunk of its own after it.
/// </summary>
internal sealed class OpenAITurn(ErrorAnswer errors)
{
    private const string Provider = OpenAIProvider.ProviderName;

    private readonly SortedDictionary<int, Call> _calls = [];
    private OpenAIUsage? _usage;
    private string? _finish;
    private bool _refused;
    private bool _thought;

    public IEnumerable<ModelEvent> Take(OpenAIChunk chunk)
    {
        if (chunk.Error is { } error) throw Failure(error);
        _usage = chunk.Usage ?? _usage;
        if (chunk.Choices is not [{ } choice, ..]) yield break;
        _finish = choice.FinishReason ?? _finish;
        if (_finish is null && chunk.Usage is { PromptTokens: >= 0 } soFar) yield return new UsageReported(Counted(soFar));
        if (choice.Delta is not { } delta) yield break;
        if ((delta.ReasoningContent ?? delta.Reasoning) is { Length: > 0 } thought)
        {
            if (!_thought) yield return new ThinkingStarted();
            _thought = true;
            yield return new HiddenDelta(thought);
        }

        if (delta.Content is { Length: > 0 } text) yield return new TextDelta(text);
        if (delta.Refusal is { Length: > 0 } refusal)
        {
            _refused = true;
            yield return new TextDelta(refusal);
        }

        foreach (var part in (delta.ToolCalls ?? []).OfType<OpenAIToolCall>())
        {
            Collect(part);
            if (part.Function?.Arguments is { Length: > 0 } arguments) yield return new HiddenDelta(arguments);
        }
    }

    /// <summary>The calls and the end, once the stream is over; throws when it was over too early.</summary>
    public IEnumerable<ModelEvent> End(bool wasClosed)
    {
        if (_finish is null) throw wasClosed ? UpstreamFailure.Broken(Provider, "it ends without a finish reason.") : UpstreamFailure.Cut(Provider);
        if (_usage is not { PromptTokens: >= 0, CompletionTokens: >= 0 })
            throw wasClosed ? UpstreamFailure.NoUsage(Provider) : UpstreamFailure.Cut(Provider);

        var called = 0;
        foreach (var (index, call) in _calls)
        {
            if (call.Name is not { Length: > 0 } name) throw UpstreamFailure.Broken(Provider, "a tool call has no name.");
            if (ToolInput.Parse(call.Arguments.ToString()) is not { } arguments)
            {
                if (_finish == "length") continue;
                throw ToolInput.Wrong(Provider, name);
            }

            called++;
            yield return new ToolCalled(call.Id ?? $"call_{index}", name, arguments);
        }

        yield return new ModelTurnEnded(StopOf(called), Counted(_usage));
    }

    private static TokenUsage Counted(OpenAIUsage usage)
    {
        var (input, output) = (usage.PromptTokens ?? 0, Math.Max(0, usage.CompletionTokens ?? 0));
        var cached = Math.Clamp(usage.PromptTokensDetails?.CachedTokens ?? 0, 0, input);
        var reasoning = Math.Clamp(usage.CompletionTokensDetails?.ReasoningTokens ?? 0, 0, output);
        return new TokenUsage(input - cached, output, cached, 0) { Reasoning = reasoning };
    }

    private ModelStop StopOf(int called) => _finish switch
    {
        "length" => ModelStop.MaxTokens,
        "content_filter" => ModelStop.Refusal,
        _ when _refused => ModelStop.Refusal,
        _ => called > 0 ? ModelStop.ToolUse : ModelStop.EndTurn,
    };

    private void Collect(OpenAIToolCall part)
    {
        var index = part.Index ?? (part.Id is null && _calls.Count > 0 ? _calls.Keys.Last() : _calls.Count);
        if (!_calls.TryGetValue(index, out var call)) _calls[index] = call = new Call();
        call.Id ??= part.Id;
        call.Name ??= part.Function?.Name;
        call.Arguments.Append(part.Function?.Arguments);
    }

    private ModelException Failure(OpenAIError error)
    {
        var status = error.Code.ValueKind == JsonValueKind.Number && error.Code.TryGetInt32(out var number) && number is >= 400 and < 600
            ? number
            : error.Type switch
            {
                "invalid_request_error" => 400,
                "authentication_error" => 401,
                "rate_limit_error" or "rate_limit_exceeded" or "tokens" or "requests" => 429,
                _ => 500,
            };
        return UpstreamFailure.OfStatus(Provider, status, said: status == 400 && error.Message is { } message ? errors.Clean(message) : null);
    }

    private sealed class Call
    {
        public string? Id { get; set; }

        public string? Name { get; set; }

        public StringBuilder Arguments { get; } = new();
    }
}
