using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Members;

/// <summary>
/// Removes a member with all its keys: they are refused from the return on, their streams told to end. Removing a removed
/// one succeeds and changes nothing. It takes the admin scope, and an owner to remove an owner.
/// </summary>
public sealed class RemoveMember(IMemberStore store, AccessInForce inForce, TimeProvider time)
{
    /// <summary>The member as it is now. Faults: Forbidden <c>missing_scope</c>, <c>owner_needed</c>; NotFound; Conflict <c>member_busy</c>.</summary>
    public async Task<Result<Member>> RunAsync(TenantScope scope, Id<Member> id, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        for (var attempt = 0; attempt < MemberRules.AttemptsMax; attempt++)
        {
            if (await store.FindAsync(scope, id, ct) is not { } member) return Fault.NotFound("member");
            if (member.RemovedAt is not null) return member;
            if (MemberRules.RefuseBelowOwner(scope, member.Role) is { } refusal) return refusal;

            // From here on nothing cancels: keys that are revoked in the store must be dropped from memory.
            var now = time.NowInMicroseconds();
            var record = new AuditRecord(scope.Tenant, scope.Principal, "member.remove", id.ToString(), $"role {MemberRoles.NameOf(member.Role)}", now);
            if (await store.RemoveAsync(scope, member, now, record, CancellationToken.None) is not { } ended) continue;
            inForce.MemberRemoved(scope.Tenant, id, ended);
            return member with { RemovedAt = now };
        }

        return MemberFaults.Busy;
    }
}
