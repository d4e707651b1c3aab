using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Tenants;

/// <summary>
/// A stranger makes a tenant on the lowest plan, with its owner key. Every sign-up makes a new tenant and an e-mail
/// address need not be unique, so the answer tells nobody whether an address is known here.
/// </summary>
public sealed class SignUp(
    TenancyOptions options, ITenantDirectory directory, PlanCatalog plans, PlacementChoice placements, ITenantStorage storage, KeyMint mint, TimeProvider time)
{
    /// <summary>Faults: Forbidden <c>signup_closed</c>; Invalid naming the field; Conflict <c>placement_unavailable</c>.</summary>
    public async Task<Result<CreatedTenant>> RunAsync(string? name, string? email, CancellationToken ct)
    {
        if (!options.SignupOpen) return Fault.Forbidden("signup_closed", "Sign-up is closed on this installation. Ask its operator for a tenant.");
        if (TenantRules.Name(name).Failed(out var fault, out var checkedName)) return fault;
        if (TenantRules.Email(email).Failed(out fault, out var checkedEmail)) return fault;

        var id = Id<Tenant>.New();

        // The stranger chose no plan, so the fault names none of its fields.
        if (placements.Choose(id, plans.Find(PlanCatalog.Lowest)!).Failed(out fault, out var place)) return fault with { Field = null };

        var now = time.NowInMicroseconds();
        var tenant = new Tenant(
            id, checkedName, checkedEmail, PlanCatalog.Lowest, place.Placement, place.Server, TenantStatus.Active, LimitOverrides.None, now, now, null, null);
        await storage.PrepareAsync(tenant, ct);
        var key = mint.MakeOwner(tenant.Id);
        await directory.AddAsync(tenant, key.Key, new AuditRecord(id, new Principal("system", "signup"), "tenant.sign_up", id.ToString(), TenantRules.Describe(tenant), now), ct);
        return new CreatedTenant(tenant, key);
    }
}
