using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Access;

/// <summary>
/// Ends a key: refused from the return on, its streams told to end. Revoking a revoked key succeeds and changes nothing.
/// It takes the admin scope; a key may revoke itself.
/// </summary>
public sealed class RevokeApiKey(IApiKeyStore store, AccessInForce inForce, TimeProvider time)
{
    /// <summary>The key as it is now. Faults: Forbidden <c>missing_scope</c>; NotFound.</summary>
    public async Task<Result<ApiKey>> RunAsync(TenantScope scope, Id<ApiKey> id, CancellationToken ct)
    {
        if (scope.Principal != Principal.Of(id) && scope.Lacks(Permissions.Admin) is { } missing) return missing;

        ct.ThrowIfCancellationRequested();
        var now = time.NowInMicroseconds();
        var record = new AuditRecord(scope.Tenant, scope.Principal, "key.revoke", id.ToString(), null, now);

        // From here on nothing cancels: a key that is revoked in the store must be dropped from memory.
        if (await store.RevokeAsync(scope, id, now, record, CancellationToken.None)) inForce.KeyEnded(scope.Tenant, id);
        return await store.FindAsync(scope, id, CancellationToken.None) is { } key ? key : Fault.NotFound("key");
    }
}
