using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Placements;

/// <summary>Makes the place where a new tenant's data will live. Part of the tenant-store seam: every placement has its own way.</summary>
public interface ITenantStorage
{
    /// <summary>
    /// Makes what the tenant's placement needs on its server (a schema, a database; nothing for <c>file</c> and
    /// <c>shared</c>). Called before the tenant's row is written, so that no tenant is acknowledged without a place for its
    /// data; a place whose row was never written is empty and is never used again. Doing it twice is doing it once.
    /// </summary>
    Task PrepareAsync(Tenant tenant, CancellationToken ct);
}
