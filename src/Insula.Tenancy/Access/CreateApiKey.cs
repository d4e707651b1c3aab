using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>Makes a key for the caller's own tenant. It takes the admin scope, and gives no scope that the caller lacks.</summary>
public sealed class CreateApiKey(IApiKeyStore store, KeyMint mint, TenantStandings standings)
{
    /// <summary>Faults: Forbidden <c>missing_scope</c>, <c>scope_not_held</c>; Invalid naming the field; OverLimit <c>quota_exceeded</c>.</summary>
    public async Task<Result<CreatedApiKey>> RunAsync(TenantScope scope, ApiKeyRequest request, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        if (mint.Make(scope, request).Failed(out var fault, out var created)) return fault;

        var key = created.Key;
        var record = new AuditRecord(key.Tenant, scope.Principal, "key.create", key.Id.ToString(), string.Join(' ', PermissionNames.Of(key.Permissions)), key.CreatedAt);
        return (await store.AddAsync(scope, key, await KeysMaxAsync(scope, ct), record, ct)).Failed(out var full, out _) ? full : created;
    }

    /// <summary>The operator and the system are held to no number: a tenant that has lost its keys must get one.</summary>
    private async ValueTask<int> KeysMaxAsync(TenantScope scope, CancellationToken ct) =>
        scope.Principal.Kind == Principal.KeyKind && await standings.FindAsync(scope.Tenant, ct) is { } standing ? standing.Limits.Keys : int.MaxValue;
}
