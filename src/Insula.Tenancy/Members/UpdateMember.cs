using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Members;

/// <summary>What to change of a member; null members stay as they are.</summary>
/// <param name="ReplacesLimits">Whether <paramref name="Limits"/> replaces those there are; null clears them then.</param>
public sealed record MemberChange(string? Name = null, MemberRole? Role = null, bool ReplacesLimits = false, CallerLimits? Limits = null);

/// <summary>
/// Changes a member's name, role or limits. From the return on its keys may do what the new role allows, here and, once they
/// hear of it, on the other nodes. It takes the admin scope, and an owner to make or change an owner.
/// </summary>
public sealed class UpdateMember(IMemberStore store, AccessInForce inForce, TimeProvider time)
{
    /// <summary>Faults: Forbidden <c>missing_scope</c>, <c>owner_needed</c>; NotFound; Invalid naming the field; Conflict <c>member_removed</c>, <c>member_busy</c>.</summary>
    public async Task<Result<Member>> RunAsync(TenantScope scope, Id<Member> id, MemberChange change, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Admin) is { } missing) return missing;
        string? name = null;
        if (change.Name is not null && MemberRules.Name(change.Name).Failed(out var fault, out name)) return fault;
        if (CallerLimits.Check(change.Limits).Failed(out fault, out var limits) && fault is not null) return fault;

        for (var attempt = 0; attempt < MemberRules.AttemptsMax; attempt++)
        {
            if (await store.FindAsync(scope, id, ct) is not { } member) return Fault.NotFound("member");
            if (member.RemovedAt is not null) return MemberFaults.Removed;

            var changed = member with { Name = name ?? member.Name, Role = change.Role ?? member.Role, Limits = change.ReplacesLimits ? limits : member.Limits };
            if (MemberRules.RefuseBelowOwner(scope, member.Role, changed.Role) is { } refusal) return refusal;
            if (changed == member) return member;

            // The write is not cancelled: what is in the store must be put into force.
            var record = new AuditRecord(scope.Tenant, scope.Principal, "member.update", id.ToString(), Describe(member, changed), time.NowInMicroseconds());
            if (!await store.ReplaceAsync(scope, member, changed, record, CancellationToken.None)) continue;
            inForce.MemberChanged(scope.Tenant, id);
            return changed;
        }

        return MemberFaults.Busy;
    }

    private static string Describe(Member before, Member after)
    {
        string?[] changed =
        [
            before.Name == after.Name ? null : "name",
            before.Role == after.Role ? null : $"role {MemberRoles.NameOf(before.Role)} to {MemberRoles.NameOf(after.Role)}",
            before.Limits == after.Limits ? null : "limits",
        ];
        return string.Join(", ", changed.Where(static part => part is not null));
    }
}
