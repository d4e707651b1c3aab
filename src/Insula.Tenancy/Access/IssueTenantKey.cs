using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>The operator makes a key for a tenant: one that lost its last admin key can be helped no other way.</summary>
public sealed class IssueTenantKey(ITenantDirectory directory, CreateApiKey create)
{
    /// <summary>Faults: NotFound; Invalid naming the field.</summary>
    public async Task<Result<CreatedApiKey>> RunAsync(OperatorScope scope, Id<Tenant> tenant, ApiKeyRequest request, CancellationToken ct) =>
        await directory.FindAsync(tenant, ct) is null
            ? Fault.NotFound("tenant")
            : await create.RunAsync(scope.OnKeysOf(tenant), request, ct);
}
