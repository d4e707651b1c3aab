using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Access;

/// <summary>Makes a key for the caller's own tenant. It takes the admin scope, and gives no scope that the caller lacks.</summary>
public sealed class CreateApiKey(IApiKeyStore store, KeyMint mint)
{
    /// <summary>Faults: Forbidden <c>missing_scope</c>, <c>scope_not_held</c>; Invalid naming the field.</summary>
    public async Task<Result<CreatedApiKey>> RunAsync(TenantScope scope, ApiKeyRequest request, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        if (mint.Make(scope, request).Failed(out var fault, out var created)) return fault;

        var key = created.Key;
        var record = new AuditRecord(key.Tenant, scope.Principal, "key.create", key.Id.ToString(), string.Join(' ', PermissionNames.Of(key.Permissions)), key.CreatedAt);
        await store.AddAsync(scope, key, record, ct);
        return created;
    }
}
