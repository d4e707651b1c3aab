using System.Runtime.CompilerServices;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.Scripted;

/// <summary>
/// <c>insula/scripted</c>: plays the script in the newest user message, for demos and tests; without one it echoes the
/// message. It keeps no state (see <see cref="Script"/>). A turn ends after a tool call, at the end of the script, or, so
/// that a script which loops without a tool ends too, as cut at the limit of tokens (it counts words) or of directives.
/// </summary>
internal sealed class ScriptedProvider(TimeProvider time) : IModelProvider
{
    public const string FullName = "insula/scripted";

    private const int DirectivesPerTurnMax = 10_000;
    private const int DeltasPerText = 4;

    public string Name => FullName;

    public async IAsyncEnumerable<ModelEvent> StreamAsync(ModelRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        var (message, toolCalls) = Newest(request.Messages);
        var script = Script.Of(message);
        var directives = script.IsEmpty ? [new SayText(message)] : script.After(toolCalls);
        var (said, played, stop) = (0L, 0, ModelStop.EndTurn);
        TokenUsage? usage = null;
        foreach (var directive in directives)
        {
            ct.ThrowIfCancellationRequested();
            if (played++ == DirectivesPerTurnMax || said >= request.MaxTokens)
            {
                stop = ModelStop.MaxTokens;
                break;
            }

            switch (directive)
            {
                case SayText text:
                    foreach (var delta in Deltas(said > 0 ? $"\n{text.Text}" : text.Text)) yield return new TextDelta(delta);
                    said += Words(text.Text);
                    break;
                case Sleep sleep:
                    await Task.Delay(sleep.Length, time, ct);
                    break;
                case ReportUsage report:
                    usage = report.Usage;
                    break;
                case AnswerError error:
                    throw UpstreamFailure.OfStatus(FullName, error.Status);
                case CallTool call:
                    stop = ModelStop.ToolUse;
                    yield return new ToolCalled($"call_{toolCalls + 1}", call.Name, call.Input);
                    break;
            }

            if (stop == ModelStop.ToolUse) break;
        }

        var used = usage ?? new TokenUsage(WordsRead(request), said, 0, 0);
        if (request.IsCapped && used.Output > request.MaxTokens) (used, stop) = (used with { Output = request.MaxTokens }, stop == ModelStop.ToolUse ? stop : ModelStop.MaxTokens);
        yield return new ModelTurnEnded(stop, used);
    }

    /// <summary>The script says what the turn will report, so that nobody has to guess.</summary>
    public TokenUsage? Foresee(ModelRequest request)
    {
        var (message, toolCalls) = Newest(request.Messages);
        try
        {
            var script = Script.Of(message);
            if (script.IsEmpty) return new TokenUsage(WordsRead(request), Words(message), 0, 0);
            var (said, reported) = (0L, (TokenUsage?)null);
            foreach (var directive in script.After(toolCalls).Take(DirectivesPerTurnMax))
            {
                if (said >= request.MaxTokens || directive is CallTool or AnswerError) break;
                if (directive is SayText text) said += Words(text.Text);
                if (directive is ReportUsage report) reported = report.Usage;
            }

            return reported ?? new TokenUsage(WordsRead(request), said, 0, 0);
        }
        catch (ModelException)
        {
            // The call itself says what is wrong with the script.
            return null;
        }
    }

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<string>>([FullName]);

    /// <summary>
    /// The newest text of the user, and the tool calls made since. One block only: messages that were never answered
    /// stand in the same turn, and the older ones are not the newest.
    /// </summary>
    private static (string Text, int ToolCalls) Newest(IReadOnlyList<ModelMessage> messages)
    {
        var toolCalls = 0;
        for (var i = messages.Count - 1; i >= 0; i--)
        {
            if (messages[i].Role == ModelRole.Assistant) toolCalls += messages[i].Content.OfType<ToolCallContent>().Count();
            else if (messages[i].Content.OfType<TextContent>().LastOrDefault() is { } text) return (text.Text, toolCalls);
        }

        return ("", 0);
    }

    /// <summary>The text in a few pieces, cut before spaces.</summary>
    private static IEnumerable<string> Deltas(string text)
    {
        var size = Math.Max(1, text.Length / DeltasPerText);
        for (var start = 0; start < text.Length;)
        {
            var cut = start + size < text.Length ? text.IndexOf(' ', start + size) : -1;
            var end = cut < 0 ? text.Length : cut;
            yield return text[start..end];
            start = end;
        }
    }

    private static long WordsRead(ModelRequest request) =>
        Words(request.System ?? "") + request.Messages.SelectMany(m => m.Content).Sum(content => content switch
        {
            TextContent text => Words(text.Text),
            ToolResultContent result => Words(result.Text),
            ToolCallContent call => Words(call.Input.GetRawText()),
            _ => 1,
        });

    private static long Words(string text)
    {
        var (words, inside) = (0L, false);
        foreach (var c in text)
        {
            if (!inside && !char.IsWhiteSpace(c)) words++;
            inside = !char.IsWhiteSpace(c);
        }

        return words;
    }
}
