using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.Control;

internal sealed class ApiKeyStore(SqliteStorage storage) : IApiKeyStore
{
    public Task<ApiKey?> FindByHandleAsync(string handle, CancellationToken ct) =>
        storage.Control.ReadAsync(link => link.First(ApiKeySql.FindByHandle, Read, ("@handle", handle)), ct);

    public Task AddAsync(TenantScope scope, ApiKey key, AuditRecord record, CancellationToken ct)
    {
        RefuseForeign(scope, key);
        return storage.Control.WriteAsync(
            link =>
            {
                Insert(link, key);
                AuditLog.Append(link, record);
                return true;
            },
            ct);
    }

    public Task<ApiKey?> FindAsync(TenantScope scope, Id<ApiKey> id, CancellationToken ct) => storage.Control.ReadAsync(
        link => link.First(ApiKeySql.Find, Read, ("@tenant_id", scope.Tenant.ToString()), ("@key_id", id.ToString())),
        ct);

    public Task<Page<ApiKey>> ListAsync(TenantScope scope, PageRequest page, CancellationToken ct)
    {
        var list = $"keys {scope.Tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        return storage.Control.ReadAsync(
            link => Pages.Cut(
                link.All(
                    ApiKeySql.List,
                    Read,
                    ("@tenant_id", scope.Tenant.ToString()),
                    ("@after_at", after.At),
                    ("@after_id", after.Id),
                    ("@limit", page.Limit + 1)),
                page.Limit,
                last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list)),
            ct);
    }

    public Task<bool> RevokeAsync(TenantScope scope, Id<ApiKey> id, DateTimeOffset at, AuditRecord record, CancellationToken ct) => storage.Control.WriteAsync(
        link =>
        {
            if (link.Run(ApiKeySql.Revoke, ("@tenant_id", scope.Tenant.ToString()), ("@key_id", id.ToString()), ("@at", Instant.ToNumber(at))) == 0) return false;
            AuditLog.Append(link, record);
            return true;
        },
        ct);

    public Task<bool> RotateAsync(TenantScope scope, Id<ApiKey> id, ApiKey successor, DateTimeOffset oldExpires, AuditRecord record, CancellationToken ct)
    {
        RefuseForeign(scope, successor);
        return storage.Control.WriteAsync(
            link =>
            {
                if (link.First(ApiKeySql.Find, Read, ("@tenant_id", scope.Tenant.ToString()), ("@key_id", id.ToString())) is not { RevokedAt: null, RotatedTo: null }) return false;
                Insert(link, successor);
                link.Run(
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

    public Task TouchAsync(IReadOnlyDictionary<Id<ApiKey>, DateTimeOffset> lastUsed, CancellationToken ct) => storage.Control.WriteAsync(
        link =>
        {
            foreach (var (key, at) in lastUsed) link.Run(ApiKeySql.Touch, ("@key_id", key.ToString()), ("@at", Instant.ToNumber(at)));
            return true;
        },
        ct);

    public static void Insert(SqliteLink link, ApiKey key) => link.Run(
        ApiKeySql.Insert,
        ("@tenant_id", key.Tenant.ToString()),
        ("@key_id", key.Id.ToString()),
        ("@name", key.Name),
        ("@handle", key.Handle),
        ("@hash", key.Hash),
        ("@pepper_version", key.PepperVersion),
        ("@permissions", (int)key.Permissions),
        ("@created_at", Instant.ToNumber(key.CreatedAt)),
        ("@expires_at", Instant.ToNumber(key.ExpiresAt)),
        ("@revoked_at", Instant.ToNumber(key.RevokedAt)),
        ("@last_used_at", Instant.ToNumber(key.LastUsedAt)),
        ("@rotated_to", key.RotatedTo?.ToString()));

    private static void RefuseForeign(TenantScope scope, ApiKey key)
    {
        if (key.Tenant != scope.Tenant) throw new ArgumentException("The key belongs to another tenant than the scope.", nameof(key));
    }

    private static ApiKey Read(SqliteDataReader row) => new(
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
        row.IsDBNull(11) ? null : row.Id<ApiKey>(11));
}
