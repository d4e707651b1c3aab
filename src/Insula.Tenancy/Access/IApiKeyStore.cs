using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>
/// The control store's keys. <see cref="FindByHandleAsync"/> is the one read without a scope, because it is how a scope
/// comes to be; everything else is bound to the scope's tenant, and another tenant's key looks like none.
/// </summary>
public interface IApiKeyStore
{
    /// <summary>The key with the member whose it is, read together.</summary>
    Task<StoredKey?> FindByHandleAsync(string handle, CancellationToken ct);

    /// <summary>
    /// Adds a key to <paramref name="key"/>'s tenant, which must be the scope's; the fault <c>quota_exceeded</c>, and nothing,
    /// when the tenant has <paramref name="keysMax"/> in force, and <see cref="MemberFaults.Unknown"/> when it is for a member that
    /// is missing or removed. Keys that are added at once see each other.
    /// </summary>
    Task<Result<Done>> AddAsync(TenantScope scope, ApiKey key, int keysMax, AuditRecord record, CancellationToken ct);

    /// <summary>The tenant's keys that are in force at that moment.</summary>
    Task<long> CountAsync(Id<Tenant> tenant, DateTimeOffset at, CancellationToken ct);

    Task<ApiKey?> FindAsync(TenantScope scope, Id<ApiKey> id, CancellationToken ct);

    /// <summary>Newest first.</summary>
    /// <param name="member">Only this member's; null for all.</param>
    Task<Page<ApiKey>> ListAsync(TenantScope scope, Id<Member>? member, PageRequest page, CancellationToken ct);

    /// <summary>Marks a key revoked; false when it is missing, foreign or already revoked.</summary>
    Task<bool> RevokeAsync(TenantScope scope, Id<ApiKey> id, DateTimeOffset at, AuditRecord record, CancellationToken ct);

    /// <summary>Adds <paramref name="successor"/> and lets the old key expire at <paramref name="oldExpires"/>, together; false when the old key is missing, foreign, revoked or already rotated.</summary>
    Task<bool> RotateAsync(TenantScope scope, Id<ApiKey> id, ApiKey successor, DateTimeOffset oldExpires, AuditRecord record, CancellationToken ct);

    /// <summary>Notes last uses in one transaction; best effort, a crash loses at most the batch.</summary>
    Task TouchAsync(IReadOnlyDictionary<(Id<Tenant> Tenant, Id<ApiKey> Key), DateTimeOffset> lastUsed, CancellationToken ct);
}

/// <param name="Member">Whose key it is, as the member was when it was read; null for nobody's.</param>
public sealed record StoredKey(ApiKey Key, Member? Member);
