using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Tenants;

/// <param name="Name">1 to 200 characters of any script.</param>
/// <param name="Plan">Null: <see cref="PlanCatalog.Lowest"/>.</param>
/// <param name="Placement">Null: <c>file</c>.</param>
/// <param name="Limits">Limits that replace the plan's.</param>
public sealed record TenantRequest(string? Name, string? Plan = null, string? Placement = null, LimitOverrides? Limits = null);

/// <summary>A new tenant with its owner key, whose text exists only here.</summary>
public sealed record CreatedTenant(Tenant Tenant, CreatedApiKey OwnerKey);

/// <summary>
/// The operator makes a tenant with its owner key, in one transaction. Its data files come to be at first use, so this
/// costs one write to the control store.
/// </summary>
public sealed class CreateTenant(ITenantDirectory directory, PlanCatalog plans, KeyMint mint, TimeProvider time)
{
    /// <summary>Faults: Invalid, naming the field.</summary>
    public async Task<Result<CreatedTenant>> RunAsync(OperatorScope scope, TenantRequest request, CancellationToken ct)
    {
        if (TenantRules.Name(request.Name).Failed(out var fault, out var name)) return fault;
        if (TenantRules.PlanOf(plans, request.Plan ?? PlanCatalog.Lowest).Failed(out fault, out var plan)) return fault;
        if (TenantRules.PlacementOf(request.Placement ?? "file").Failed(out fault, out var placement)) return fault;
        if (TenantRules.Overrides(request.Limits ?? LimitOverrides.None).Failed(out fault, out var overrides)) return fault;

        var now = time.NowInMicroseconds();
        var tenant = new Tenant(Id<Tenant>.New(), name, null, plan.Name, placement, TenantStatus.Active, overrides, now, now, null, null);
        var key = mint.MakeOwner(tenant.Id);
        await directory.AddAsync(tenant, key.Key, new AuditRecord(tenant.Id, scope.Principal, "tenant.create", tenant.Id.ToString(), $"plan {plan.Name}", now), ct);
        return new CreatedTenant(tenant, key);
    }
}
