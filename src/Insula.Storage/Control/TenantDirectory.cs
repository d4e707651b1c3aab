using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.Control;

internal sealed class TenantDirectory(SqliteStorage storage) : ITenantDirectory
{
    private const string ListName = "tenants";

    public Task AddAsync(Tenant tenant, ApiKey? firstKey, AuditRecord record, CancellationToken ct)
    {
        if (firstKey is not null && firstKey.Tenant != tenant.Id) throw new ArgumentException("The first key belongs to another tenant.", nameof(firstKey));
        return storage.Control.WriteAsync(
            link =>
            {
                link.Run(
                    TenantSql.Insert,
                    ("@tenant_id", tenant.Id.ToString()),
                    ("@name", tenant.Name),
                    ("@name_folded", Fold(tenant.Name)),
                    ("@email", tenant.Email),
                    ("@plan", tenant.Plan),
                    ("@placement", Rows.ToName(tenant.Placement)),
                    ("@server", tenant.Server),
                    ("@status", Rows.ToName(tenant.Status)),
                    ("@overrides", Rows.ToJson(tenant.Overrides)),
                    ("@created_at", Instant.ToNumber(tenant.CreatedAt)),
                    ("@updated_at", Instant.ToNumber(tenant.UpdatedAt)),
                    ("@suspended_at", Instant.ToNumber(tenant.SuspendedAt)),
                    ("@suspended_reason", tenant.SuspendedReason));
                if (firstKey is not null) ApiKeyStore.Insert(link, firstKey);
                AuditLog.Append(link, record);
                return true;
            },
            ct);
    }

    public Task<Tenant?> FindAsync(Id<Tenant> id, CancellationToken ct) => storage.Control.ReadAsync(link => Find(link, id), ct);

    public Task<Page<Tenant>> ListAsync(TenantFilter filter, PageRequest page, CancellationToken ct)
    {
        var after = Cursor.Of(page, ListName, Cursor.Top);
        return storage.Control.ReadAsync(
            link => Pages.Cut(
                link.All(
                    TenantSql.List,
                    Read,
                    ("@after_at", after.At),
                    ("@after_id", after.Id),
                    ("@status", filter.Status is { } status ? Rows.ToName(status) : null),
                    ("@plan", filter.Plan),
                    ("@placement", filter.Placement is { } placement ? Rows.ToName(placement) : null),
                    ("@server", filter.Server),
                    ("@name_prefix", Fold(filter.NamePrefix ?? "")),
                    ("@limit", page.Limit + 1)),
                page.Limit,
                static last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(ListName)),
            ct);
    }

    public Task<bool> ReplaceAsync(Tenant expected, Tenant changed, AuditRecord record, CancellationToken ct)
    {
        if (changed.Id != expected.Id) throw new ArgumentException("A tenant cannot be replaced by another.", nameof(changed));
        return storage.Control.WriteAsync(
            link =>
            {
                // The whole row is compared: two changes may fall on one tick of the clock.
                if (Find(link, expected.Id) != expected) return false;
                link.Run(
                    TenantSql.Update,
                    ("@tenant_id", changed.Id.ToString()),
                    ("@name", changed.Name),
                    ("@name_folded", Fold(changed.Name)),
                    ("@email", changed.Email),
                    ("@plan", changed.Plan),
                    ("@placement", Rows.ToName(changed.Placement)),
                    ("@server", changed.Server),
                    ("@status", Rows.ToName(changed.Status)),
                    ("@overrides", Rows.ToJson(changed.Overrides)),
                    ("@updated_at", Instant.ToNumber(changed.UpdatedAt)),
                    ("@suspended_at", Instant.ToNumber(changed.SuspendedAt)),
                    ("@suspended_reason", changed.SuspendedReason));
                AuditLog.Append(link, record);
                return true;
            },
            ct);
    }

    private static Tenant? Find(SqliteLink link, Id<Tenant> id) => link.First(TenantSql.Find, Read, ("@tenant_id", id.ToString()));

    private static string Fold(string name) => name.ToUpperInvariant();

    private static Tenant Read(SqliteDataReader row) => new(
        row.Id<Tenant>(0),
        row.GetString(1),
        row.TextOrNull(2),
        row.GetString(3),
        row.Name<Placement>(4),
        row.GetString(5),
        row.Name<TenantStatus>(6),
        row.Json<LimitOverrides>(7),
        row.Moment(8),
        row.Moment(9),
        row.MomentOrNull(10),
        row.TextOrNull(11));
}
