using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Members;

/// <summary>Who a member is to be.</summary>
/// <param name="Name">1 to 100 characters, for people.</param>
/// <param name="Email">At most 254 characters; null for none.</param>
/// <param name="Limits">Rates of all its keys together, below the tenant's; null for none.</param>
public sealed record MemberRequest(string? Name, string? Email = null, MemberRole Role = MemberRole.Member, CallerLimits? Limits = null);

/// <summary>Adds a person to the caller's own tenant. It takes the admin scope, and an owner to make an owner.</summary>
public sealed class AddMember(IMemberStore store, TenantStandings standings, TimeProvider time)
{
    /// <summary>Faults: Forbidden <c>missing_scope</c>, <c>owner_needed</c>; Invalid naming the field; Conflict <c>email_taken</c>; OverLimit <c>quota_exceeded</c>.</summary>
    public async Task<Result<Member>> RunAsync(TenantScope scope, MemberRequest request, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        if (MemberRules.Name(request.Name).Failed(out var fault, out var name)) return fault;
        if (MemberRules.Email(request.Email).Failed(out fault, out var email) && fault is not null) return fault;
        if (CallerLimits.Check(request.Limits).Failed(out fault, out var limits) && fault is not null) return fault;
        if (MemberRules.RefuseBelowOwner(scope, request.Role) is { } refusal) return refusal;

        var member = new Member(Id<Member>.New(), scope.Tenant, name, email, request.Role, time.NowInMicroseconds(), null) { Limits = limits };
        var record = new AuditRecord(scope.Tenant, scope.Principal, "member.add", member.Id.ToString(), $"role {MemberRoles.NameOf(member.Role)}", member.CreatedAt);
        return (await store.AddAsync(scope, member, await MembersMaxAsync(scope, ct), record, ct)).Failed(out fault, out _) ? fault : member;
    }

    /// <summary>The operator and the system are held to no number, as with keys.</summary>
    private async ValueTask<int> MembersMaxAsync(TenantScope scope, CancellationToken ct) =>
        scope.Principal.Kind == Principal.KeyKind && await standings.FindAsync(scope.Tenant, ct) is { } standing ? standing.Limits.Members : int.MaxValue;
}
