using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;

namespace Insula.Tenancy.Access;

/// <summary>The tenant's keys, newest first, those that ended included. It takes the admin scope.</summary>
public sealed class ListApiKeys(IApiKeyStore store)
{
    public async Task<Result<Page<ApiKey>>> RunAsync(TenantScope scope, PageRequest page, CancellationToken ct) =>
        scope.Lacks(Permissions.Admin) is { } missing ? missing : await store.ListAsync(scope, page, ct);
}
