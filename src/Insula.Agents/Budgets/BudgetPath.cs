using System.Globalization;
using System.Text.Json;
using Insula.Agents.Serialization;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Budgets;

namespace Insula.Agents.Budgets;

/// <summary>
/// Every node of the tree of budgets that a session's steps count on: the platform, the tenant, the agent, the session, and
/// the sessions that it works for.
/// </summary>
/// <param name="Owns">What sessions of the path may spend by the budget that they were made with.</param>
internal sealed record BudgetPath(IReadOnlyList<BudgetKey> Keys, IReadOnlyList<OwnBudget> Owns)
{
    private const long MicrosInACent = 10_000;

    public static async Task<BudgetPath> OfAsync(ITenantStores stores, TenantScope scope, Session session, CancellationToken ct)
    {
        List<Session> chain = [session];
        if (session.Parent is not null)
        {
            await using var store = await stores.OpenAsync(scope, ct);
            while (chain[^1].Parent is { } parent && await store.Sessions.FindAsync(parent.SessionId, ct) is { } above) chain.Add(above);
        }

        List<OwnBudget> owns = [.. chain.Where(static one => one.Budget is not null).Select(static one => new OwnBudget(one.Id.ToString(), MicrosOf(one.Budget!.Value)))];
        return new(
            [
                BudgetKey.Platform,
                BudgetKey.Of(scope.Tenant),
                new BudgetKey(BudgetScope.Agent, session.AgentId.ToString()),
                .. chain.Select(static one => new BudgetKey(BudgetScope.Session, one.Id.ToString())),
                .. owns.Select(static own => new BudgetKey(BudgetScope.SessionOwn, own.Session)),
            ],
            owns);
    }

    /// <summary>Whether a step has to ask: a budget stands on the path.</summary>
    public bool IsLimited(IReadOnlyList<Budget> inForce) => Owns.Count > 0 || inForce.Any(budget => Keys.Contains(budget.Key));

    /// <summary>The budget of Managed Agents in micro-dollars; cents beyond the greatest budget are as good as it.</summary>
    public static long MicrosOf(JsonElement budget) =>
        long.Parse(budget.Deserialize<SessionBudget>(AgentsJson.Options)!.MaxListCost.Amount, CultureInfo.InvariantCulture) is var cents && cents <= BudgetRules.LimitMicrosMax / MicrosInACent
            ? cents * MicrosInACent
            : BudgetRules.LimitMicrosMax;
}

internal sealed record OwnBudget(string Session, long LimitMicros);
