using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;

namespace Insula.Agents.Input;

internal static class AuditEntries
{
    /// <summary>Notes a change of the scope's tenant, by the scope's principal.</summary>
    public static Task AppendAsync(this IAuditLog audit, TenantScope scope, string action, string target, DateTimeOffset at, CancellationToken ct) =>
        audit.AppendAsync(new AuditRecord(scope.Tenant, scope.Principal, action, target, Detail: null, at), ct);
}
