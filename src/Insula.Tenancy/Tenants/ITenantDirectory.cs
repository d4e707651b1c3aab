using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Tenancy.Tenants;

/// <summary>
/// The control store's tenants. Part of the control-store seam: SQLite (one node) and PostgreSQL (cluster).
/// Every change carries its audit record, and both are one transaction: a change without its record cannot exist.
/// </summary>
public interface ITenantDirectory
{
    /// <summary>Adds a tenant and, when given, its first key. Durable when the task ends.</summary>
    Task AddAsync(Tenant tenant, ApiKey? firstKey, AuditRecord record, CancellationToken ct);

    Task<Tenant?> FindAsync(Id<Tenant> id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<Page<Tenant>> ListAsync(TenantFilter filter, PageRequest page, CancellationToken ct);

    /// <summary>Replaces a tenant whose <see cref="Tenant.UpdatedAt"/> is still <paramref name="expected"/>'s; false when it moved on.</summary>
    Task<bool> ReplaceAsync(Tenant expected, Tenant changed, AuditRecord record, CancellationToken ct);
}

/// <summary>Which tenants to list; null members do not filter.</summary>
/// <param name="NamePrefix">Compared without case.</param>
public sealed record TenantFilter(
    TenantStatus? Status = null, string? Plan = null, string? NamePrefix = null, Placement? Placement = null, string? Server = null);
