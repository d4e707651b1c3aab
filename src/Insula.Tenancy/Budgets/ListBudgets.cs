using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Budgets;

/// <summary>Budgets with what they spent and hold: a tenant sees those of its own tree, the operator the platform's and those of one tenant.</summary>
public sealed class ListBudgets(IBudgetStore store)
{
    public async Task<Result<Page<Budget>>> RunAsync(TenantScope scope, BudgetScope? of, PageRequest page, CancellationToken ct) =>
        scope.Lacks(Permissions.Read) is { } missing ? missing : await store.ListAsync(scope.Tenant, of, page, ct);

    /// <param name="tenant">Null for the platform's own.</param>
    public async Task<Result<Page<Budget>>> RunAsync(OperatorScope scope, Id<Tenant>? tenant, BudgetScope? of, PageRequest page, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return await store.ListAsync(tenant, of, page, ct);
    }

    public async Task<Result<Budget>> ShowAsync(TenantScope scope, BudgetKey key, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Read) is { } missing) return missing;
        return BudgetAccess.Sees(scope, key) && await store.FindAsync(scope.Tenant, key, ct) is { } budget ? budget : BudgetAccess.NotFound;
    }

    /// <param name="tenant">Null for the platform's own.</param>
    public async Task<Result<Budget>> ShowAsync(OperatorScope scope, Id<Tenant>? tenant, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return await store.FindAsync(tenant, tenant is { } id ? BudgetKey.Of(id) : BudgetKey.Platform, ct) is { } budget ? budget : BudgetAccess.NotFound;
    }
}
