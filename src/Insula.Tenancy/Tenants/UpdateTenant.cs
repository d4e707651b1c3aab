using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;

namespace Insula.Tenancy.Tenants;

/// <summary>What to change of a tenant; null members stay as they are.</summary>
/// <param name="Limits">All overrides anew: one that it does not name falls back to the plan's limit.</param>
public sealed record TenantChange(string? Name = null, string? Plan = null, LimitOverrides? Limits = null);

/// <summary>The operator renames a tenant, moves it to another plan or overrides its limits; in force at once.</summary>
public sealed class UpdateTenant(ChangeTenant change, PlanCatalog plans, AccessInForce inForce)
{
    /// <summary>Faults: NotFound; Invalid naming the field; Conflict <c>tenant_busy</c>.</summary>
    public async Task<Result<Tenant>> RunAsync(OperatorScope scope, Id<Tenant> id, TenantChange request, CancellationToken ct)
    {
        string? name = null;
        if (request.Name is not null && TenantRules.Name(request.Name).Failed(out var fault, out name)) return fault;
        if (request.Plan is not null && TenantRules.PlanOf(plans, request.Plan).Failed(out fault, out _)) return fault;
        if (request.Limits is not null && TenantRules.Overrides(request.Limits).Failed(out fault, out _)) return fault;

        var result = await change.RunAsync(
            scope,
            id,
            "tenant.update",
            Describe(request),
            (tenant, _) => tenant with { Name = name ?? tenant.Name, Plan = request.Plan ?? tenant.Plan, Overrides = request.Limits ?? tenant.Overrides },
            ct);
        if (result.Fault is null) inForce.TenantChanged(id);
        return result;
    }

    private static string Describe(TenantChange request)
    {
        string?[] changed = [request.Name is null ? null : "name", request.Plan is null ? null : $"plan {request.Plan}", request.Limits is null ? null : "limits"];
        return string.Join(", ", changed.Where(static part => part is not null));
    }
}
