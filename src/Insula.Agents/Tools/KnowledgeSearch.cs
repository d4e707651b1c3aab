using System.Text;
using System.Text.Json;
using Insula.Agents.Knowledge;
using Insula.Knowledge.Answers;

namespace Insula.Agents.Tools;

/// <summary>
/// <c>knowledge_search</c>: gives a model the passages of the tenant's knowledge that answer a query, each with its
/// source. It reads only, so it may be called again after a crash.
/// </summary>
internal sealed class KnowledgeSearch(QueryKnowledge knowledge) : BuiltInTool
{
    /// <summary>More passages than this would fill the model's context instead of informing it.</summary>
    private const int PassagesMax = 10;

    private static readonly JsonElement Schema = JsonElement.Parse(
        $$"""
        {
          "type": "object",
          "properties": {
            "query": {"type": "string", "description": "A question or the words to look for."},
            "limit": {"type": "integer", "minimum": 1, "maximum": {{PassagesMax}}, "description": "How many passages at most; {{Answer.CitationsDefault}} when left out."}
          },
          "required": ["query"],
          "additionalProperties": false
        }
        """);

    public override string Name => "knowledge_search";

    public override string Description =>
        "Searches what this organisation has taught (documents, manuals, notes) and returns the passages that fit best, with their sources. Use it before answering questions about its own affairs, and cite the sources.";

    public override JsonElement InputSchema => Schema;

    public override ToolRepeat Repeat => ToolRepeat.Always;

    public override async Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct)
    {
        if (call.Input.ValueKind != JsonValueKind.Object || !call.Input.TryGetProperty("query", out var query) || query.ValueKind != JsonValueKind.String)
        {
            return ToolOutcome.Error("The input needs a member query that is text.");
        }

        int? limit = null;
        if (call.Input.TryGetProperty("limit", out var given) && given.ValueKind != JsonValueKind.Null)
        {
            if (given.ValueKind != JsonValueKind.Number || !given.TryGetInt32(out var number) || number is < 1 or > PassagesMax)
            {
                return ToolOutcome.Error($"limit must be a whole number from 1 to {PassagesMax}.");
            }

            limit = number;
        }

        var asked = await knowledge.QueryAsync(call.Scope, query.GetString()!, limit, ct);
        return asked.Failed(out var fault, out var answer) ? ToolOutcome.Error(fault.Message) : ToolOutcome.Of(Show(answer));
    }

    private static string Show(Answer answer)
    {
        if (answer.Citations.Count == 0) return answer.Text;
        var text = new StringBuilder();
        for (var i = 0; i < answer.Citations.Count; i++)
        {
            var citation = answer.Citations[i];
            if (i > 0) text.Append("\n\n");
            text.Append('[').Append(i + 1).Append("] ").Append(citation.Source);
            if (citation.Heading.Length > 0) text.Append(" › ").Append(citation.Heading);
            text.Append('\n').Append(citation.Passage);
        }

        return text.ToString();
    }
}
