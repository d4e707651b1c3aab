using System.Runtime.CompilerServices;
using Insula.Agents.Knowledge;
using Insula.Knowledge.Answers;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Models.Reader;

/// <summary>
/// <c>insula/reader</c>: answers the newest user text with quotes from the tenant's knowledge and their sources. It is no
/// language model and says so when it has nothing to quote. Usage counts words, because there are no tokens.
/// </summary>
internal sealed class ReaderProvider(QueryKnowledge knowledge) : IModelProvider
{
    public const string FullName = "insula/reader";

    private const string Untaught =
        "I was taught nothing yet. I am insula/reader, no language model: I answer only by quoting what I was taught. "
        + "Teach me with `insula knowledge learn FILE…`, or by POST /api/v1/knowledge/learn.";

    private const string OnlyQuotes =
        "I am insula/reader, no language model: I answer only by quoting what I was taught. Ask in other words, or teach me with `insula knowledge learn FILE…`.";

    public string Name => FullName;

    public async IAsyncEnumerable<ModelEvent> StreamAsync(ModelRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        var question = NewestText(request.Messages);
        var text = await AnswerAsync(request, question, ct);
        var (said, stop) = (0L, ModelStop.EndTurn);
        foreach (var line in Lines(text))
        {
            ct.ThrowIfCancellationRequested();
            var words = Words(line);
            if (said + words > request.MaxTokens)
            {
                stop = ModelStop.MaxTokens;
                break;
            }

            said += words;
            yield return new TextDelta(line);
        }

        yield return new ModelTurnEnded(stop, new TokenUsage(Words(question), said, 0, 0));
    }

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<string>>([FullName]);

    private async Task<string> AnswerAsync(ModelRequest request, string question, CancellationToken ct)
    {
        try
        {
            if (!await knowledge.KnowsAnythingAsync(request.Scope, ct)) return Untaught;
            if (question.Length == 0) return OnlyQuotes;
            var asked = question.Length <= KnowledgeRules.QueryCharsMax ? question : question[^KnowledgeRules.QueryCharsMax..];
            var answer = (await knowledge.QueryAsync(request.Scope, asked, citations: null, ct)).Value;
            return answer.Citations.Count == 0 ? $"{answer.Text}\n{OnlyQuotes}" : $"{answer.Text}\n\n{Sources(answer)}";
        }
        catch (FaultException error)
        {
            throw new ModelException(ModelFailure.Overloaded, $"{FullName} cannot read the tenant's knowledge: {error.Fault.Message}", retryable: error.Fault.Kind == FaultKind.Unavailable, inner: error);
        }
    }

    private static string Sources(Answer answer) => "Sources:\n" + string.Join('\n', answer.Citations.Take(answer.Quoted).Select(
        (citation, at) => $"[{at + 1}] {citation.Source}{(citation.Heading.Length > 0 ? $" › {citation.Heading}" : "")}"));

    /// <summary>The newest text of the user; older unanswered messages of the same turn are not the question.</summary>
    private static string NewestText(IReadOnlyList<ModelMessage> messages) =>
        messages.Where(message => message.Role == ModelRole.User).SelectMany(message => message.Content).OfType<TextContent>().LastOrDefault()?.Text.Trim() ?? "";

    private static IEnumerable<string> Lines(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var feed = text.IndexOf('\n', at);
            var end = feed < 0 ? text.Length : feed + 1;
            yield return text[at..end];
            at = end;
        }
    }

    private static int Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
}
