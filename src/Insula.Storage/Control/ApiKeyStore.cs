using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class ApiKeyStore(ControlDatabase control) : IApiKeyStore
{
    private const int Columns = 14;

    public Task<StoredKey?> FindByHandleAsync(string handle, CancellationToken ct) => control.Platform.FirstAsync(
        ApiKeySql.FindByHandle, static row => new StoredKey(Read(row), row.IsDBNull(Columns) ? null : MemberStore.Read(row, Columns)), ct, ("@handle", handle));

    public Task<Result<Done>> AddAsync(TenantScope scope, ApiKey key, int keysMax, AuditRecord record, CancellationToken ct)
    {
        RefuseForeign(scope, key);
        return control.For(scope.Tenant).WriteAsync<Result<Done>>(
            async link =>
            {
                // The quota is a rule over all keys: two that are added at once must see each other. They are few enough to count.
                // A member that is removed at the same moment must end this key too, or be seen here.
                link.Alone(Rule(scope.Tenant));
                if (key.Member is { } member && !await MemberStore.IsPresentAsync(link, scope.Tenant, member)) return MemberFaults.Unknown;
                var used = await CountAsync(link, scope.Tenant, key.CreatedAt);
                if (used >= keysMax) return QuotaFaults.Full("keys", used, keysMax, "Revoke one that is not used");
                Insert(link, key);
                AuditLog.Append(link, record);
                return new Done();
            },
            ct);
    }

    public Task<long> CountAsync(Id<Tenant> tenant, DateTimeOffset at, CancellationToken ct) => control.For(tenant).ReadAsync(link => CountAsync(link, tenant, at), ct);

    public Task<ApiKey?> FindAsync(TenantScope scope, Id<ApiKey> id, CancellationToken ct) =>
        control.For(scope.Tenant).FirstAsync(ApiKeySql.Find, Read, ct, ("@tenant_id", scope.Tenant.ToString()), ("@key_id", id.ToString()));

    public async Task<Page<ApiKey>> ListAsync(TenantScope scope, Id<Member>? member, PageRequest page, CancellationToken ct)
    {
        var list = $"keys {scope.Tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await control.For(scope.Tenant).AllAsync(
            ApiKeySql.List,
            Read,
            ct,
            ("@tenant_id", scope.Tenant.ToString()),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@member_id", member?.ToString()),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list));
    }

    public Task<bool> RevokeAsync(TenantScope scope, Id<ApiKey> id, DateTimeOffset at, AuditRecord record, CancellationToken ct) => control.For(scope.Tenant).WriteAsync(
        async link =>
        {
            if (await link.RunAsync(ApiKeySql.Revoke, ("@tenant_id", scope.Tenant.ToString()), ("@key_id", id.ToString()), ("@at", Instant.ToNumber(at))) == 0) return false;
            AuditLog.Append(link, record);
            return true;
        },
        ct);

    public Task<bool> RotateAsync(TenantScope scope, Id<ApiKey> id, ApiKey successor, DateTimeOffset oldExpires, AuditRecord record, CancellationToken ct)
    {
        RefuseForeign(scope, successor);
        return control.For(scope.Tenant).WriteAsync(
            async link =>
            {
                // A member's key may be ending with the member: then there is nothing to hand on.
                if (successor.Member is not null) link.Alone(Rule(scope.Tenant));
                var old = await link.LockAsync(ApiKeySql.Find, Read, ("@tenant_id", scope.Tenant.ToString()), ("@key_id", id.ToString()));
                if (old is not { RevokedAt: null, RotatedTo: null }) return false;
                Insert(link, successor);
                link.Post(
                    ApiKeySql.Rotate,
                    ("@tenant_id", scope.Tenant.ToString()),
                    ("@key_id", id.ToString()),
                    ("@rotated_to", successor.Id.ToString()),
                    ("@expires_at", Instant.ToNumber(oldExpires)));
                AuditLog.Append(link, record);
                return true;
            },
            ct);
    }

    public Task TouchAsync(IReadOnlyDictionary<(Id<Tenant> Tenant, Id<ApiKey> Key), DateTimeOffset> lastUsed, CancellationToken ct) => control.Platform.WriteAsync(
        link =>
        {
            // In one order, so that two nodes that touch the same keys never wait for each other in a circle.
            foreach (var (tenant, key, at) in lastUsed.Select(static pair => (Tenant: pair.Key.Tenant.ToString(), Key: pair.Key.Key.ToString(), At: pair.Value)).OrderBy(static use => use.Key, StringComparer.Ordinal))
                link.Post(ApiKeySql.Touch, ("@tenant_id", tenant), ("@key_id", key), ("@at", Instant.ToNumber(at)));
            return ValueTask.CompletedTask;
        },
        ct);

    /// <summary>What units hold to themselves that judge all keys of a tenant.</summary>
    public static string Rule(Id<Tenant> tenant) => $"keys {tenant}";

    private static ValueTask<long> CountAsync(Link link, Id<Tenant> tenant, DateTimeOffset at) =>
        link.FirstAsync(ApiKeySql.CountInForce, static row => row.GetInt64(0), ("@tenant_id", tenant.ToString()), ("@now", Instant.ToNumber(at)));

    public static void Insert(Link link, ApiKey key) => link.Post(
        ApiKeySql.Insert,
        ("@tenant_id", key.Tenant.ToString()),
        ("@key_id", key.Id.ToString()),
        ("@name", key.Name),
        ("@handle", key.Handle),
        ("@hash", key.Hash),
        ("@pepper_version", key.PepperVersion),
        ("@permissions", (int)key.Permissions),
        ("@created_at", Instant.ToNumber(key.CreatedAt)),
        ("@expires_at", Instant.ToValue(key.ExpiresAt)),
        ("@revoked_at", Instant.ToValue(key.RevokedAt)),
        ("@last_used_at", Instant.ToValue(key.LastUsedAt)),
        ("@rotated_to", key.RotatedTo?.ToString()),
        ("@limits", key.Limits is { } limits ? Rows.ToJson(limits) : null),
        ("@member_id", key.Member?.ToString()));

    private static void RefuseForeign(TenantScope scope, ApiKey key)
    {
        if (key.Tenant != scope.Tenant) throw new ArgumentException("The key belongs to another tenant than the scope.", nameof(key));
    }

    private static ApiKey Read(DbDataReader row) => new(
        row.Id<ApiKey>(0),
        row.Id<Tenant>(1),
        row.GetString(2),
        row.GetString(3),
        row.GetFieldValue<byte[]>(4),
        row.GetInt32(5),
        (Permissions)row.GetInt32(6),
        row.Moment(7),
        row.MomentOrNull(8),
        row.MomentOrNull(9),
        row.MomentOrNull(10),
        row.IsDBNull(11) ? null : row.Id<ApiKey>(11))
    {
        Limits = row.IsDBNull(12) ? null : row.Json<CallerLimits>(12),
        Member = row.IsDBNull(13) ? null : row.Id<Member>(13),
    };
}
