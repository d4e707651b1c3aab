using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Tenancy.Access;

/// <summary>One key of the tenant. It takes the admin scope, but for the key that asks about itself.</summary>
public sealed class ShowApiKey(IApiKeyStore store)
{
    public async Task<Result<ApiKey>> RunAsync(TenantScope scope, Id<ApiKey> id, CancellationToken ct)
    {
        if (scope.Principal != Principal.Of(id) && scope.Lacks(Permissions.Admin) is { } missing) return missing;
        return await store.FindAsync(scope, id, ct) is { } key ? key : Fault.NotFound("key");
    }
}
