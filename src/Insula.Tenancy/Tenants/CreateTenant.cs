using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Tenants;

/// <param name="Name">1 to 200 characters of any script.</param>
/// <param name="Plan">Null: <see cref="PlanCatalog.Lowest"/>.</param>
/// <param name="Placement">Null: the plan's, else the installation's.</param>
/// <param name="Limits">Limits that replace the plan's.</param>
/// <param name="Server">Null: one is chosen.</param>
public sealed record TenantRequest(string? Name, string? Plan = null, string? Placement = null, LimitOverrides? Limits = null, string? Server = null);

/// <summary>A new tenant with its owner key, whose text exists only here.</summary>
public sealed record CreatedTenant(Tenant Tenant, CreatedApiKey OwnerKey);

/// <summary>
/// The operator makes a tenant with its owner key, in one transaction, after the place for its data is there. A file comes
/// to be at first use and shared tables stand already, so those two cost one write to the control store.
/// </summary>
public sealed class CreateTenant(ITenantDirectory directory, PlanCatalog plans, PlacementChoice placements, ITenantStorage storage, KeyMint mint, TimeProvider time)
{
    /// <summary>Faults: Invalid, naming the field; Conflict <c>placement_unavailable</c>.</summary>
    public async Task<Result<CreatedTenant>> RunAsync(OperatorScope scope, TenantRequest request, CancellationToken ct)
    {
        if (TenantRules.Name(request.Name).Failed(out var fault, out var name)) return fault;
        if (TenantRules.PlanOf(plans, request.Plan ?? PlanCatalog.Lowest).Failed(out fault, out var plan)) return fault;
        if (TenantRules.Overrides(request.Limits ?? LimitOverrides.None).Failed(out fault, out var overrides)) return fault;

        var id = Id<Tenant>.New();
        if (placements.Choose(id, plan, request.Placement, request.Server).Failed(out fault, out var place)) return fault;

        var now = time.NowInMicroseconds();
        var tenant = new Tenant(id, name, null, plan.Name, place.Placement, place.Server, TenantStatus.Active, overrides, now, now, null, null);
        await storage.PrepareAsync(tenant, ct);
        var key = mint.MakeOwner(tenant.Id);
        await directory.AddAsync(tenant, key.Key, new AuditRecord(id, scope.Principal, "tenant.create", id.ToString(), TenantRules.Describe(tenant), now), ct);
        return new CreatedTenant(tenant, key);
    }
}
