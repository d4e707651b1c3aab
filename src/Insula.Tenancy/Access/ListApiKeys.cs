using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Paging;

namespace Insula.Tenancy.Access;

/// <summary>The tenant's keys, newest first, those that ended included. It takes the admin scope.</summary>
public sealed class ListApiKeys(IApiKeyStore store)
{
    /// <param name="member">Only this member's; null for all. Of one that is not there, or another tenant's, there are none.</param>
    public async Task<Result<Page<ApiKey>>> RunAsync(TenantScope scope, Id<Member>? member, PageRequest page, CancellationToken ct) =>
        scope.Lacks(Permissions.Admin) is { } missing ? missing : await store.ListAsync(scope, member, page, ct);
}
