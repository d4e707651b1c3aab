using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Budgets;

/// <summary>Which nodes of the tree a tenant may see and set. Whatever is not in its own tree is not there.</summary>
internal static class BudgetAccess
{
    public static readonly Fault NotFound = Fault.NotFound("budget");

    public static bool Sees(TenantScope scope, BudgetKey key) => key.Scope switch
    {
        BudgetScope.Platform => false,
        BudgetScope.Tenant or BudgetScope.Run => string.Equals(key.Subject, scope.Tenant.ToString(), StringComparison.Ordinal),
        _ => true,
    };

    public static Fault? RefuseChange(TenantScope scope, BudgetKey key)
    {
        if (!Sees(scope, key)) return NotFound;
        return key.Scope switch
        {
            BudgetScope.Tenant => Fault.Forbidden("budget_of_operator", "The budget of the whole tenant is the operator's to set. Ask the operator of this installation, or set budgets of agents and sessions below it."),
            BudgetScope.SessionOwn => Fault.Forbidden("budget_of_session", "This budget was given to the session when it was made. Change it with the session: POST /v1/sessions/{id} with budget."),
            _ => null,
        };
    }
}
