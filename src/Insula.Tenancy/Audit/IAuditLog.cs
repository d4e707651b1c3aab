using Insula.Tenancy.Paging;

namespace Insula.Tenancy.Audit;

/// <summary>
/// The audit trail's direct entry, for changes whose data live outside the control store (a tenant's store): appended
/// before the change is acknowledged. Changes inside the control store carry their record in the same transaction.
/// </summary>
public interface IAuditLog
{
    Task AppendAsync(AuditRecord record, CancellationToken ct);

    /// <summary>Newest first; <paramref name="tenant"/> null lists the platform's own trail.</summary>
    Task<Page<AuditRecord>> ListAsync(Identity.Id<Tenants.Tenant>? tenant, PageRequest page, CancellationToken ct);
}
