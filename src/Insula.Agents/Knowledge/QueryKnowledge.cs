using Insula.Agents.Input;
using Insula.Knowledge.Answers;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Knowledge;

/// <summary>Asks the tenant's knowledge.</summary>
public sealed class QueryKnowledge(KnowledgeBases bases)
{
    /// <param name="citations">At most this many, 1 to <see cref="Answer.CitationsMax"/>; null for <see cref="Answer.CitationsDefault"/>.</param>
    public async Task<Result<Answer>> QueryAsync(TenantScope scope, string query, int? citations, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(query)) return Fault.Invalid("query", "query must not be empty.");
        if (Check.Length("query", query, KnowledgeRules.QueryCharsMax) is { } tooLong) return tooLong;
        if (citations is < 1 or > Answer.CitationsMax) return Fault.Invalid("limit", $"limit must be a whole number from 1 to {Answer.CitationsMax}.");

        return await bases.ReadAsync(scope, view => view.Query(query, citations ?? Answer.CitationsDefault), ct);
    }

    /// <summary>Whether the tenant has taught anything.</summary>
    public Task<bool> KnowsAnythingAsync(TenantScope scope, CancellationToken ct) => bases.ReadAsync(scope, view => view.Passages > 0, ct);
}
