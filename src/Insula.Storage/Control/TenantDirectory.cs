using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class TenantDirectory(ControlDatabase control) : ITenantDirectory
{
    private const string ListName = "tenants";

    public Task AddAsync(Tenant tenant, ApiKey? firstKey, AuditRecord record, CancellationToken ct)
    {
        if (firstKey is not null && firstKey.Tenant != tenant.Id) throw new ArgumentException("The first key belongs to another tenant.", nameof(firstKey));
        return control.For(tenant.Id).WriteAsync(
            link =>
            {
                link.Post(
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
                    ("@suspended_at", Instant.ToValue(tenant.SuspendedAt)),
                    ("@suspended_reason", tenant.SuspendedReason),
                    ("@add_ons", AddOns(tenant)));
                if (firstKey is not null) ApiKeyStore.Insert(link, firstKey);
                AuditLog.Append(link, record);
                return ValueTask.CompletedTask;
            },
            ct);
    }

    public Task<Tenant?> FindAsync(Id<Tenant> id, CancellationToken ct) =>
        control.For(id).FirstAsync(TenantSql.Find, Read, ct, ("@tenant_id", id.ToString()));

    public async Task<Page<Tenant>> ListAsync(TenantFilter filter, PageRequest page, CancellationToken ct)
    {
        var after = Cursor.Of(page, ListName, Cursor.Top);
        var rows = await control.Platform.AllAsync(
            TenantSql.List,
            Read,
            ct,
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@status", filter.Status is { } status ? Rows.ToName(status) : null),
            ("@plan", filter.Plan),
            ("@placement", filter.Placement is { } placement ? Rows.ToName(placement) : null),
            ("@server", filter.Server),
            ("@name_prefix", Fold(filter.NamePrefix ?? "")),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, static last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(ListName));
    }

    public Task<bool> ReplaceAsync(Tenant expected, Tenant changed, AuditRecord record, CancellationToken ct)
    {
        if (changed.Id != expected.Id) throw new ArgumentException("A tenant cannot be replaced by another.", nameof(changed));
        return control.For(expected.Id).WriteAsync(
            async link =>
            {
                // The whole row is compared: two changes may fall on one tick of the clock.
                if (await link.LockAsync(TenantSql.Find, Read, ("@tenant_id", expected.Id.ToString())) != expected) return false;
                link.Post(
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
                    ("@suspended_at", Instant.ToValue(changed.SuspendedAt)),
                    ("@suspended_reason", changed.SuspendedReason),
                    ("@add_ons", AddOns(changed)));
                AuditLog.Append(link, record);
                return true;
            },
            ct);
    }

    internal static Tenant Read(DbDataReader row) => new(
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
        row.TextOrNull(11))
    {
        AddOns = row.IsDBNull(12) ? LimitAddOns.None : new(row.Json<IReadOnlyList<LimitAddOn>>(12)),
    };

    private static string? AddOns(Tenant tenant) => tenant.AddOns.Items.Count == 0 ? null : Rows.ToJson(tenant.AddOns.Items);

    private static string Fold(string name) => name.ToUpperInvariant();
}
