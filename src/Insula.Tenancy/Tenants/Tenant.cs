using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;

namespace Insula.Tenancy.Tenants;

public enum TenantStatus
{
    Active,

    /// <summary>Nothing of the tenant runs and its keys are refused with the reason; nothing is lost.</summary>
    Suspended,
}

/// <summary>Where a tenant's data lives.</summary>
public enum Placement
{
    /// <summary>A SQLite file of its own, on the one node; what the embedded default has.</summary>
    File,

    /// <summary>Rows among those of other tenants, under PostgreSQL's row-level security.</summary>
    Shared,

    /// <summary>A PostgreSQL schema of its own.</summary>
    Schema,

    /// <summary>A PostgreSQL database of its own.</summary>
    Database,
}

/// <summary>A customer of the installation.</summary>
/// <param name="Name">For people; any text of 1 to 200 characters, and never part of a path or a statement.</param>
/// <param name="Email">Contact given at sign-up; null when the operator created the tenant without one.</param>
/// <param name="Server">Name of the server that the data live on; <c>main</c> unless there are more. Chosen once, with the placement.</param>
/// <param name="Overrides">Limits that replace the plan's for this tenant; null members keep the plan's.</param>
public sealed record Tenant(
    Id<Tenant> Id,
    string Name,
    string? Email,
    string Plan,
    Placement Placement,
    string Server,
    TenantStatus Status,
    LimitOverrides Overrides,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? SuspendedAt,
    string? SuspendedReason) : IIdentified
{
    public static string IdPrefix => "tnt";

    /// <summary>More of some limits for a time.</summary>
    public LimitAddOns AddOns { get; init; } = LimitAddOns.None;
}
