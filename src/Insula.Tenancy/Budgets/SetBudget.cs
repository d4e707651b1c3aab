using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Budgets;

/// <param name="Period">Null for a month.</param>
/// <param name="Thresholds">Null for 50, 80 and 100 percent.</param>
public sealed record BudgetChange(long LimitMicros, BudgetPeriod? Period = null, IReadOnlyList<int>? Thresholds = null);

/// <summary>
/// Sets a budget, in force at once: the operator the platform's and those of tenants, a tenant those of its agents, its
/// sessions and its runs. What was spent in the period and what is held stays.
/// </summary>
public sealed class SetBudget(IBudgetStore store, ITenantDirectory tenants, BudgetsInForce inForce, TimeProvider time)
{
    /// <summary>The caller has looked whether the agent or session is there. Faults: Forbidden; NotFound; Invalid naming the field; Conflict <c>budgets_too_many</c>.</summary>
    public async Task<Result<Budget>> RunAsync(TenantScope scope, BudgetKey key, BudgetChange change, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        if (BudgetAccess.RefuseChange(scope, key) is { } refusal) return refusal;
        return await PutAsync(scope.Tenant, key, change, scope.Principal, ct);
    }

    /// <param name="tenant">Null for the platform's own.</param>
    public async Task<Result<Budget>> RunAsync(OperatorScope scope, Id<Tenant>? tenant, BudgetChange change, CancellationToken ct)
    {
        if (tenant is not { } id) return await PutAsync(null, BudgetKey.Platform, change, scope.Principal, ct);
        if (await tenants.FindAsync(id, ct) is null) return Fault.NotFound("tenant");
        return await PutAsync(id, BudgetKey.Of(id), change, scope.Principal, ct);
    }

    private async Task<Result<Budget>> PutAsync(Id<Tenant>? tenant, BudgetKey key, BudgetChange change, Principal principal, CancellationToken ct)
    {
        var thresholds = change.Thresholds ?? BudgetRules.ThresholdsDefault;
        if (BudgetRules.Violation(change.LimitMicros, thresholds) is { } fault) return fault;

        var now = time.NowInMicroseconds();
        var period = key.Scope == BudgetScope.Run ? BudgetPeriod.Life : change.Period ?? BudgetPeriod.Month;
        var record = new AuditRecord(tenant, principal, "budget.set", key.ToString(), $"{change.LimitMicros} micro-dollars, {BudgetNames.Of(period)}", now);
        var put = await store.PutAsync(new Budget(key, tenant, change.LimitMicros, period, thresholds, principal.ToString(), now, now), BudgetRules.BudgetsMax, record, ct);
        if (put.Fault is null) inForce.Changed(tenant);
        return put;
    }
}
