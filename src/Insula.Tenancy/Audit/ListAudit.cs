using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;

namespace Insula.Tenancy.Audit;

/// <summary>The audit trail, newest first: a tenant's own for its administrators, the platform's for an operator.</summary>
public sealed class ListAudit(IAuditLog log)
{
    public async Task<Result<Page<AuditRecord>>> RunAsync(TenantScope scope, PageRequest page, CancellationToken ct) =>
        scope.Lacks(Permissions.Admin) is { } missing ? missing : await log.ListAsync(scope.Tenant, page, ct);

    public async Task<Result<Page<AuditRecord>>> RunAsync(OperatorScope scope, PageRequest page, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return await log.ListAsync(null, page, ct);
    }
}
