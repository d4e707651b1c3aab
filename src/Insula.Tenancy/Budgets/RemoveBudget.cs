using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Budgets;

/// <summary>Takes a budget away; steps under way end as they would have.</summary>
public sealed class RemoveBudget(IBudgetStore store, BudgetsInForce inForce, TimeProvider time)
{
    /// <summary>Faults: Forbidden; NotFound.</summary>
    public async Task<Result<Done>> RunAsync(TenantScope scope, BudgetKey key, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        if (BudgetAccess.RefuseChange(scope, key) is { } refusal) return refusal;
        return await RemoveAsync(scope.Tenant, key, scope.Principal, ct);
    }

    /// <param name="tenant">Null for the platform's own.</param>
    public Task<Result<Done>> RunAsync(OperatorScope scope, Id<Tenant>? tenant, CancellationToken ct) =>
        RemoveAsync(tenant, tenant is { } id ? BudgetKey.Of(id) : BudgetKey.Platform, scope.Principal, ct);

    private async Task<Result<Done>> RemoveAsync(Id<Tenant>? tenant, BudgetKey key, Principal principal, CancellationToken ct)
    {
        var record = new AuditRecord(tenant, principal, "budget.remove", key.ToString(), null, time.NowInMicroseconds());
        if (!await store.RemoveAsync(tenant, key, record, ct)) return BudgetAccess.NotFound;
        inForce.Changed(tenant);
        return default(Done);
    }
}
