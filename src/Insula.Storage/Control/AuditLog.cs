using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class AuditLog(SqliteStorage storage) : IAuditLog
{
    public Task AppendAsync(AuditRecord record, CancellationToken ct) => storage.Control.WriteAsync(
        link =>
        {
            Append(link, record);
            return true;
        },
        ct);

    public Task<Page<AuditRecord>> ListAsync(Id<Tenant>? tenant, PageRequest page, CancellationToken ct)
    {
        var trail = Trail(tenant);
        var list = $"audit {trail}";
        var after = Cursor.Of(page, list, Cursor.Top);
        return storage.Control.ReadAsync(
            link =>
            {
                var rows = link.All(
                    ControlSql.ListAudit,
                    row => (Seq: row.GetInt64(0), Record: new AuditRecord(tenant, new Principal(row.GetString(1), row.GetString(2)), row.GetString(3), row.GetString(4), row.TextOrNull(5), row.Moment(6))),
                    ("@trail", trail),
                    ("@after_seq", after.At),
                    ("@limit", page.Limit + 1));
                var cut = Pages.Cut(rows, page.Limit, last => new Cursor(last.Seq, "").ToText(list));
                return new Page<AuditRecord>([.. cut.Items.Select(static row => row.Record)], cut.Next);
            },
            ct);
    }

    /// <summary>Writes a change's record in the change's own transaction.</summary>
    public static void Append(SqliteLink link, AuditRecord record) => link.Run(
        ControlSql.AppendAudit,
        ("@trail", Trail(record.Tenant)),
        ("@principal_kind", record.Principal.Kind),
        ("@principal_name", record.Principal.Name),
        ("@action", record.Action),
        ("@target", record.Target),
        ("@detail", record.Detail),
        ("@at", Instant.ToNumber(record.At)));

    private static string Trail(Id<Tenant>? tenant) => tenant?.ToString() ?? "platform";
}
