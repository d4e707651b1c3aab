using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class AuditLog(ControlDatabase control) : IAuditLog
{
    public Task AppendAsync(AuditRecord record, CancellationToken ct) => Of(record.Tenant).WriteAsync(
        link =>
        {
            Append(link, record);
            return ValueTask.CompletedTask;
        },
        ct);

    public async Task<Page<AuditRecord>> ListAsync(Id<Tenant>? tenant, PageRequest page, CancellationToken ct)
    {
        var trail = Trail(tenant);
        var list = $"audit {trail}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await Of(tenant).AllAsync(
            ControlSql.ListAudit,
            row => (Seq: row.GetInt64(0), Record: new AuditRecord(tenant, new Principal(row.GetString(1), row.GetString(2)), row.GetString(3), row.GetString(4), row.TextOrNull(5), row.Moment(6))),
            ct,
            ("@trail", trail),
            ("@after_seq", after.At),
            ("@limit", page.Limit + 1));
        var cut = Pages.Cut(rows, page.Limit, last => new Cursor(last.Seq, "").ToText(list));
        return new Page<AuditRecord>([.. cut.Items.Select(static row => row.Record)], cut.Next);
    }

    /// <summary>
    /// Writes a change's record in the change's own transaction. Whoever writes to a trail holds its head until the
    /// commit, so the numbers of a trail have no gap and no two records share one.
    /// </summary>
    public static void Append(Link link, AuditRecord record)
    {
        link.Post(ControlSql.AdvanceTrail, ("@trail", Trail(record.Tenant)));
        link.Post(
            ControlSql.AppendAudit,
            ("@trail", Trail(record.Tenant)),
            ("@principal_kind", record.Principal.Kind),
            ("@principal_name", record.Principal.Name),
            ("@action", record.Action),
            ("@target", record.Target),
            ("@detail", record.Detail),
            ("@at", Instant.ToNumber(record.At)));
    }

    private static string Trail(Id<Tenant>? tenant) => tenant?.ToString() ?? "platform";

    private Database Of(Id<Tenant>? tenant) => tenant is { } own ? control.For(own) : control.Platform;
}
