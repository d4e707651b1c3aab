using System.Text;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.Anthropic;

/// <summary>
/// Puts the events of one streamed message together. A tool call counts when its block is closed; one whose arguments are
/// cut off by the limit of tokens is dropped with it, and one that is wrong for any other reason fails the turn.
/// </summary>
internal sealed class AnthropicTurn(ErrorAnswer errors)
{
    private const string Provider = AnthropicProvider.ProviderName;

    private readonly Dictionary<int, (string Id, string Name, StringBuilder Input)> _openCalls = [];
    private AnthropicUsage? _usage;
    private string? _stopReason;
    private string? _wrongCall;
    private bool _called;
    private bool _thought;

    /// <summary>The event that it makes, if it makes one. After a <see cref="ModelTurnEnded"/> there is nothing to read.</summary>
    public ModelEvent? Take(AnthropicEvent item)
    {
        switch (item.Type)
        {
            case "message_start":
                _usage = item.Message?.Usage;
                return _usage is { InputTokens: >= 0 } ? new UsageReported(Counted(_usage)) : null;
            case "content_block_start" when item.ContentBlock is { } block:
                return Start(item.Index, block);
            case "content_block_delta" when item.Delta is { } delta:
                return Continue(item.Index, delta);
            case "content_block_stop":
                return Stop(item.Index);
            case "message_delta":
                _usage = _usage?.With(item.Usage) ?? item.Usage;
                _stopReason = item.Delta?.StopReason ?? _stopReason;
                return null;
            case "message_stop":
                return End();
            case "error":
                throw Failure(item.Error);
            default:
                return null;
        }
    }

    private ModelEvent? Start(int index, AnthropicBlock block)
    {
        switch (block.Type)
        {
            case "text" when block.Text is { Length: > 0 } text:
                return new TextDelta(text);
            case "thinking" or "redacted_thinking" when !_thought:
                _thought = true;
                return new ThinkingStarted();
            case "tool_use":
                if (block is not { Id.Length: > 0, Name.Length: > 0 }) throw UpstreamFailure.Broken(Provider, "a tool call has no id or no name.");
                _openCalls[index] = (block.Id, block.Name, new StringBuilder());
                return null;
            default:
                return null;
        }
    }

    private ModelEvent? Continue(int index, AnthropicDelta delta)
    {
        if (delta is { Type: "text_delta", Text.Length: > 0 }) return new TextDelta(delta.Text);
        if (delta is { Type: "thinking_delta", Thinking.Length: > 0 }) return new HiddenDelta(delta.Thinking);
        if (delta is not { Type: "input_json_delta", PartialJson: { } part } || !_openCalls.TryGetValue(index, out var call)) return null;
        call.Input.Append(part);
        return part.Length > 0 ? new HiddenDelta(part) : null;
    }

    private ToolCalled? Stop(int index)
    {
        if (!_openCalls.Remove(index, out var call)) return null;
        if (ToolInput.Parse(call.Input.ToString()) is { } input)
        {
            _called = true;
            return new ToolCalled(call.Id, call.Name, input);
        }

        _wrongCall ??= call.Name;
        return null;
    }

    private ModelTurnEnded End()
    {
        var stop = _stopReason switch
        {
            "max_tokens" or "model_context_window_exceeded" => ModelStop.MaxTokens,
            "refusal" => ModelStop.Refusal,
            null => throw UpstreamFailure.Broken(Provider, "it ends without a stop reason."),
            _ => _called ? ModelStop.ToolUse : ModelStop.EndTurn,
        };
        if (stop != ModelStop.MaxTokens && (_wrongCall ?? _openCalls.Values.FirstOrDefault().Name) is { } wrong) throw ToolInput.Wrong(Provider, wrong);
        if (_usage is not { InputTokens: >= 0, OutputTokens: >= 0 }) throw UpstreamFailure.NoUsage(Provider);
        return new ModelTurnEnded(stop, Counted(_usage));
    }

    private static TokenUsage Counted(AnthropicUsage usage) =>
        new(Count(usage.InputTokens), Count(usage.OutputTokens), Count(usage.CacheReadInputTokens), Count(usage.CacheCreationInputTokens));

    private static long Count(long? tokens) => Math.Max(0, tokens ?? 0);

    private ModelException Failure(AnthropicError? error)
    {
        var status = error?.Type switch
        {
            "invalid_request_error" => 400,
            "authentication_error" => 401,
            "billing_error" => 402,
            "permission_error" => 403,
            "not_found_error" => 404,
            "rate_limit_error" => 429,
            "overloaded_error" => 529,
            _ => 500,
        };
        return UpstreamFailure.OfStatus(Provider, status, said: status == 400 && error?.Message is { } message ? errors.Clean(message) : null);
    }
}
