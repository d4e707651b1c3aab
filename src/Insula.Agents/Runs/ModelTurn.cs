using System.Text;
using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Budgets;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Tools;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>
/// Asks the model for one turn and collects it. Text is shown to watchers as it comes; only the whole turn goes to the
/// log. The message's id is chosen when its first text comes, so that previews and the logged event carry the same one.
/// </summary>
internal sealed class ModelTurn(ToolBox tools)
{
    private readonly StringBuilder _text = new();
    private readonly List<(string Name, JsonElement Input)> _calls = [];
    private Id<SessionEvent>? _message;
    private bool _thought;
    private bool _began;
    private int _hidden;
    private TokenUsage _reported;

    public ModelStop Stop { get; private set; }

    public TokenUsage Usage { get; private set; }

    public bool CallsTools => _calls.Count > 0;

    /// <summary>Whether the turn was cut since it put out more than there is money for. What it says until then counts, its calls do not.</summary>
    public bool IsOverMoney { get; private set; }

    /// <summary>Throws <see cref="ModelException"/> when the call fails; then nothing of the turn counts.</summary>
    /// <param name="money">Null where nothing limits what the turn may cost, or that is known before.</param>
    public async Task AskAsync(IModelProvider provider, ModelRequest request, Action<FeedItem> preview, CallMoney? money, CancellationToken ct)
    {
        try
        {
            await AskUpToAsync(provider, request, preview, money, ct);
        }
        finally
        {
            if (money is not null) await money.OverAsync();
        }
    }

    private async Task AskUpToAsync(IModelProvider provider, ModelRequest request, Action<FeedItem> preview, CallMoney? money, CancellationToken ct)
    {
        var ended = false;
        await foreach (var item in provider.StreamAsync(request, ct))
        {
            _began = true;
            switch (item)
            {
                case TextDelta delta when delta.Text.Length > 0:
                    if (_message is null) preview(new MessageStarted(Begin(), "agent.message"));
                    _text.Append(delta.Text);
                    preview(new MessageDelta(_message!.Value, Index: 0, delta.Text));
                    break;
                case ThinkingStarted:
                    _thought = true;
                    preview(new MessageStarted(Id<SessionEvent>.New(), "agent.thinking"));
                    break;
                case ToolCalled call:
                    _calls.Add((call.Name, call.Input));
                    break;
                case HiddenDelta delta:
                    _hidden += delta.Text.Length;
                    break;
                case UsageReported report:
                    _reported = report.SoFar;
                    break;
                case ModelTurnEnded end:
                    (Stop, Usage, ended) = (end.Stop, end.Usage, true);
                    break;
            }

            if (money?.Bears(item) == false)
            {
                Cut(provider, request, money);
                return;
            }
        }

        if (!ended) throw new ModelException(ModelFailure.Overloaded, "The model's answer ended before it was complete.", retryable: true);
    }

    /// <summary>
    /// What a turn used that was cut off: providers charge for what they took in and put out until then, and many say how
    /// much only at the end. Null when nothing had come.
    /// </summary>
    public TokenUsage? UsedWhenCut(IModelProvider provider, ModelRequest request)
    {
        if (!_began) return null;
        var calls = _calls.Sum(static call => call.Name.Length + call.Input.GetRawText().Length);
        var output = Math.Max(_reported.Output, TokenEstimate.Likely(_text.Length + Math.Max(_hidden, calls)));
        return _reported.Input + _reported.CacheRead + _reported.CacheWrite > 0
            ? _reported with { Output = output }
            : new TokenUsage(provider.Foresee(request)?.Input ?? TokenEstimate.Likely(request), output, 0, 0);
    }

    /// <summary>The turn as events, without the span's end.</summary>
    public IEnumerable<NewEvent> ToEvents(AgentDefinition agent)
    {
        if (_thought) yield return new NewEvent(new AgentThinking());
        if (_message is { } id) yield return new NewEvent(id, new AgentMessage([ContentBlock.OfText(_text.ToString())]));
        foreach (var (name, input) in _calls) yield return new NewEvent(tools.Intend(agent, name, input));
    }

    private void Cut(IModelProvider provider, ModelRequest request, CallMoney money)
    {
        var used = UsedWhenCut(provider, request)!.Value;
        (IsOverMoney, Stop, Usage) = (true, ModelStop.MaxTokens, used with { Output = Math.Max(used.Output, money.OutputTokens) });
        _calls.Clear();
    }

    private Id<SessionEvent> Begin()
    {
        _message = Id<SessionEvent>.New();
        return _message.Value;
    }
}
