using System.Text.Json;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.Ollama;

/// <summary>Reads the lines of one streamed chat. Tool calls come whole, and get ids that are new in the conversation.</summary>
/// <param name="callsBefore">Tool calls that the conversation already holds.</param>
internal sealed class OllamaTurn(int callsBefore)
{
    private const string Provider = OllamaProvider.ProviderName;

    private int _called;
    private bool _thought;

    public IEnumerable<ModelEvent> Take(OllamaLine line)
    {
        // The words may name files and addresses of the server, so they stay out of the message.
        if (line.Error is not null) throw UpstreamFailure.Away(Provider, "reported an error in the middle of its answer.");
        if (line.Message?.Thinking is { Length: > 0 } thought)
        {
            if (!_thought) yield return new ThinkingStarted();
            _thought = true;
            yield return new HiddenDelta(thought);
        }

        if (line.Message?.Content is { Length: > 0 } text) yield return new TextDelta(text);
        foreach (var call in line.Message?.ToolCalls ?? [])
        {
            var called = Called(call);
            yield return new HiddenDelta(called.Input.GetRawText());
            yield return called;
        }

        if (line.Done) yield return End(line);
    }

    private ToolCalled Called(OllamaToolCall? call)
    {
        if (call?.Function is not { Name.Length: > 0 } function) throw UpstreamFailure.Broken(Provider, "a tool call has no name.");
        var arguments = function.Arguments.ValueKind switch
        {
            JsonValueKind.Object => function.Arguments,
            JsonValueKind.Undefined or JsonValueKind.Null => ToolInput.Parse(""),
            JsonValueKind.String => ToolInput.Parse(function.Arguments.GetString()!),
            _ => null,
        };
        _called++;
        return new ToolCalled($"call_{callsBefore + _called}", function.Name, arguments ?? throw ToolInput.Wrong(Provider, function.Name));
    }

    private ModelTurnEnded End(OllamaLine line)
    {
        if (line.EvalCount is not { } output || output < 0) throw UpstreamFailure.NoUsage(Provider);
        var stop = line.DoneReason == "length" ? ModelStop.MaxTokens : _called > 0 ? ModelStop.ToolUse : ModelStop.EndTurn;
        return new ModelTurnEnded(stop, new TokenUsage(Math.Max(0, line.PromptEvalCount ?? 0), output, 0, 0));
    }
}
