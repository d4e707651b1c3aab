using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;

namespace Insula.Tenancy.Tenants;

/// <summary>What to change of a tenant; null members stay as they are.</summary>
/// <param name="Limits">All overrides anew: one that it does not name falls back to the plan's limit.</param>
/// <param name="Placement">Taken only when it is what it is: an update moves no data.</param>
/// <param name="Server">The same.</param>
/// <param name="AddOns">All add-ons anew; those that are over are left out.</param>
public sealed record TenantChange(string? Name = null, string? Plan = null, LimitOverrides? Limits = null, string? Placement = null, string? Server = null, IReadOnlyList<LimitAddOn>? AddOns = null);

/// <summary>The operator renames a tenant, moves it to another plan or overrides its limits; in force at once.</summary>
public sealed class UpdateTenant(ChangeTenant change, PlanCatalog plans, AccessInForce inForce, TimeProvider time)
{
    /// <summary>Faults: NotFound; Invalid naming the field; Conflict <c>tenant_busy</c>.</summary>
    public async Task<Result<Tenant>> RunAsync(OperatorScope scope, Id<Tenant> id, TenantChange request, CancellationToken ct)
    {
        string? name = null;
        if (request.Name is not null && TenantRules.Name(request.Name).Failed(out var fault, out name)) return fault;
        if (request.Plan is not null && TenantRules.PlanOf(plans, request.Plan).Failed(out fault, out _)) return fault;
        if (request.Limits is not null && TenantRules.Overrides(request.Limits).Failed(out fault, out _)) return fault;
        LimitAddOns? addOns = null;
        if (request.AddOns is not null && LimitAddOns.Check(request.AddOns, time.GetUtcNow()).Failed(out fault, out addOns)) return fault;

        var result = await change.RunAsync(
            scope,
            id,
            "tenant.update",
            Describe(request),
            (tenant, _) => RefuseMove(tenant, request) is { } move
                ? move
                : tenant with { Name = name ?? tenant.Name, Plan = request.Plan ?? tenant.Plan, Overrides = request.Limits ?? tenant.Overrides, AddOns = addOns ?? tenant.AddOns },
            ct);
        if (result.Fault is null) inForce.TenantChanged(id);
        return result;
    }

    /// <summary>Another plan's placement does not count either: it is for the tenants that are made on it.</summary>
    private static Fault? RefuseMove(Tenant tenant, TenantChange request)
    {
        var placement = PlacementNames.Of(tenant.Placement);
        if (request.Placement is not null && !string.Equals(request.Placement, placement, StringComparison.Ordinal))
        {
            return Fault.Invalid("placement", $"An update cannot change placement: the tenant's data are in '{placement}' and would have to be moved, which this version cannot do. Leave placement out.");
        }

        return request.Server is not null && !string.Equals(request.Server, tenant.Server, StringComparison.Ordinal)
            ? Fault.Invalid("server", $"An update cannot change server: the tenant's data are on '{tenant.Server}' and would have to be moved, which this version cannot do. Leave server out.")
            : null;
    }

    private static string Describe(TenantChange request)
    {
        string?[] changed = [request.Name is null ? null : "name", request.Plan is null ? null : $"plan {request.Plan}", request.Limits is null ? null : "limits", request.AddOns is null ? null : "add_ons"];
        return string.Join(", ", changed.Where(static part => part is not null));
    }
}
