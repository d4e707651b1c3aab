using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;

namespace Insula.Tenancy.Members;

/// <summary>The tenant's members, newest first. It takes the admin scope.</summary>
public sealed class ListMembers(IMemberStore store)
{
    public async Task<Result<Page<Member>>> RunAsync(TenantScope scope, MemberFilter filter, PageRequest page, CancellationToken ct) =>
        scope.Lacks(Permissions.Admin) is { } missing ? missing : await store.ListAsync(scope, filter, page, ct);
}
