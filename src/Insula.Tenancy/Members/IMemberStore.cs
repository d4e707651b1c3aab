using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Members;

/// <summary>
/// The control store's members. Everything is bound to the scope's tenant; another tenant's member looks like none. Every
/// change carries its audit record in the same transaction.
/// </summary>
public interface IMemberStore
{
    /// <summary>
    /// Adds a member to the scope's tenant; the fault <c>quota_exceeded</c> when the tenant has <paramref name="membersMax"/>
    /// that are not removed, <c>email_taken</c> when one of those has the email. Members that are added at once see each other.
    /// </summary>
    Task<Result<Done>> AddAsync(TenantScope scope, Member member, int membersMax, AuditRecord record, CancellationToken ct);

    /// <summary>The tenant's members that are not removed.</summary>
    Task<long> CountAsync(Id<Tenant> tenant, CancellationToken ct);

    /// <summary>Removed ones too.</summary>
    Task<Member?> FindAsync(TenantScope scope, Id<Member> id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    Task<Page<Member>> ListAsync(TenantScope scope, MemberFilter filter, PageRequest page, CancellationToken ct);

    /// <summary>Puts name, role and limits of <paramref name="changed"/>; false when the member is not as <paramref name="expected"/> any more.</summary>
    Task<bool> ReplaceAsync(TenantScope scope, Member expected, Member changed, AuditRecord record, CancellationToken ct);

    /// <summary>
    /// Marks a member removed and revokes its keys, together; those keys. No key is made for it from then on. Null, and
    /// nothing, when the member is not as <paramref name="expected"/> any more.
    /// </summary>
    Task<IReadOnlyList<Id<ApiKey>>?> RemoveAsync(TenantScope scope, Member expected, DateTimeOffset at, AuditRecord record, CancellationToken ct);
}

/// <summary>Which members to list.</summary>
/// <param name="Role">Null for every role.</param>
/// <param name="Removed">Whether to list removed ones too.</param>
public sealed record MemberFilter(MemberRole? Role = null, bool Removed = false);
