using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Members;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>Makes a key for the caller's own tenant. It takes the admin scope, and gives no scope that the caller, or the member whose it is to be, lacks.</summary>
public sealed class CreateApiKey(IApiKeyStore store, IMemberStore members, KeyMint mint, TenantStandings standings)
{
    /// <summary>Faults: Forbidden <c>missing_scope</c>, <c>scope_not_held</c>, <c>owner_needed</c>; NotFound of the member; Invalid naming the field, <c>role_lacks_scope</c>; OverLimit <c>quota_exceeded</c>.</summary>
    public async Task<Result<CreatedApiKey>> RunAsync(TenantScope scope, ApiKeyRequest request, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        Member? member = null;
        if (request.Member is { } id && (member = await members.FindAsync(scope, id, ct)) is not { RemovedAt: null }) return MemberFaults.Unknown;
        if (mint.Make(scope, request, member).Failed(out var fault, out var created)) return fault;

        var key = created.Key;
        var record = new AuditRecord(key.Tenant, scope.Principal, "key.create", key.Id.ToString(), Describe(key), key.CreatedAt);
        return (await store.AddAsync(scope, key, await KeysMaxAsync(scope, ct), record, ct)).Failed(out var full, out _) ? full : created;
    }

    private static string Describe(ApiKey key) => $"{string.Join(' ', PermissionNames.Of(key.Permissions))}{(key.Member is { } member ? $", for {member}" : "")}";

    /// <summary>The operator and the system are held to no number: a tenant that has lost its keys must get one.</summary>
    private async ValueTask<int> KeysMaxAsync(TenantScope scope, CancellationToken ct) =>
        scope.Principal.Kind == Principal.KeyKind && await standings.FindAsync(scope.Tenant, ct) is { } standing ? standing.Limits.Keys : int.MaxValue;
}
