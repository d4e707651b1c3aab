using Insula.Agents.Models;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Prices;

namespace Insula.Agents.Budgets;

/// <summary>
/// Refuses a message whose run could not begin, since a budget on its path is spent: the sender learns it at once and not
/// from a run that stops. What is only held counts for nothing here, for it may come back.
/// </summary>
public sealed class BudgetDoor(BudgetsInForce inForce, IBudgetStore store, ITenantStores stores, ModelCatalog models, PriceCatalog prices, BudgetMetrics metrics, TimeProvider time)
{
    /// <summary>What has to be known before a session can be judged; it costs a trip only now and then.</summary>
    internal ValueTask<IReadOnlyList<Budget>> InForceAsync(TenantScope scope, CancellationToken ct) => inForce.OfAsync(scope.Tenant, ct);

    /// <summary>Whether a budget may stand against the session's runs, so that <see cref="RefuseAsync"/> has to be asked.</summary>
    internal bool Concerns(Session session, IReadOnlyList<Budget> budgets) =>
        (budgets.Any(static budget => budget.Key.Scope != BudgetScope.Run) || session.Budget is not null || session.Parent is not null) && !IsFree(session.Agent.Model.Id);

    /// <summary>The refusal <c>budget_exhausted</c>, or null while there is money.</summary>
    internal async Task<Fault?> RefuseAsync(TenantScope scope, Session session, CancellationToken ct)
    {
        var path = await BudgetPath.OfAsync(stores, scope, session, ct);
        var spent = (await store.OnPathAsync(scope.Tenant, path.Keys, ct)).FirstOrDefault(static budget => budget.SpentMicros >= budget.LimitMicros);
        if (spent is null) return null;
        metrics.Refused(spent.Key.Scope);
        return BudgetRefusal.Of(spent);
    }

    private bool IsFree(string asked)
    {
        var name = models.Resolve(asked).Failed(out _, out var model) ? asked : model.FullName;
        return prices.Find(name, time.GetUtcNow()) is { } price && price.WorstOf(1, 1) == 0;
    }
}
