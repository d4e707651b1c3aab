using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>Who a credential turned out to be.</summary>
public abstract record SignedIn
{
    private protected SignedIn()
    {
    }
}

/// <param name="Scope">The key's rights inside its tenant.</param>
/// <param name="Tenant">The tenant as it was when the key was checked, seconds old at most.</param>
/// <param name="Limits">The limits in force for the tenant.</param>
public sealed record SignedInTenant(TenantScope Scope, Tenant Tenant, Limits Limits) : SignedIn;

public sealed record SignedInOperator(OperatorScope Scope) : SignedIn;
