using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>A tenant as the API shows it.</summary>
/// <param name="Server">Name of the server that the data live on.</param>
/// <param name="Limits">The limits in force: the plan's, with the overrides, and the add-ons of now on top.</param>
/// <param name="LimitOverrides">Only what was overridden for this tenant.</param>
/// <param name="AddOns">More of some limits for a time.</param>
internal sealed record TenantView(
    Id<Tenant> Id,
    string Name,
    string? Email,
    string Plan,
    Placement Placement,
    string Server,
    TenantStatus Status,
    Limits Limits,
    LimitOverrides LimitOverrides,
    IReadOnlyList<LimitAddOn> AddOns,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? SuspendedAt,
    string? SuspendedReason)
{
    public static TenantView Of(Tenant tenant, Limits limits) => new(
        tenant.Id, tenant.Name, tenant.Email, tenant.Plan, tenant.Placement, tenant.Server, tenant.Status, limits, tenant.Overrides, tenant.AddOns.Items, tenant.CreatedAt, tenant.UpdatedAt,
        tenant.SuspendedAt, tenant.SuspendedReason);
}

/// <summary>A new tenant with its owner key.</summary>
internal sealed record CreatedTenantView(TenantView Tenant, NewKeyView Key)
{
    public static CreatedTenantView Of(CreatedTenant created, Limits limits) =>
        new(TenantView.Of(created.Tenant, limits), new(created.OwnerKey.Key.Id, created.OwnerKey.Secret.Reveal()));
}

/// <param name="Secret">The key's text. It is shown this once and stored nowhere.</param>
internal sealed record NewKeyView(Id<ApiKey> Id, string Secret);
