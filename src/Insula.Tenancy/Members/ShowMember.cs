using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Tenancy.Members;

/// <summary>One member of the tenant, removed ones too. It takes the admin scope, but for a member's own key that asks about the member.</summary>
public sealed class ShowMember(IMemberStore store)
{
    public async Task<Result<Member>> RunAsync(TenantScope scope, Id<Member> id, CancellationToken ct)
    {
        if (scope.Member?.Id != id && scope.Lacks(Permissions.Admin) is { } missing) return missing;
        return await store.FindAsync(scope, id, ct) is { } member ? member : Fault.NotFound("member");
    }
}
