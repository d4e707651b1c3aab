using Insula.Agents.Runs;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Storage.TenantData;

internal sealed class RunStore(Database database, string tenant) : IRunStore
{
    public Task<Run?> FindAsync(Id<Run> id, CancellationToken ct) =>
        database.FirstAsync(RunSql.Find, RunRows.Read, ct, ("@tenant_id", tenant), ("@run_id", id.ToString()));

    public async Task<Page<Run>> ListAsync(RunFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"runs {tenant} {(filter.Ascending ? "up" : "down")}";
        var after = Cursor.Of(page, list, filter.Ascending ? Cursor.Bottom : Cursor.Top);
        var queued = Moments.Of(filter.Queued);
        var rows = await database.AllAsync(
            filter.Ascending ? RunSql.ListUp : RunSql.ListDown,
            RunRows.Read,
            ct,
            ("@tenant_id", tenant),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@queued_from", queued.From),
            ("@queued_to", queued.To),
            ("@session_id", filter.Session?.ToString()),
            ("@agent_id", filter.Agent?.ToString()),
            ("@statuses", filter.Statuses.Count > 0 ? Rows.ToNames(filter.Statuses.Select(Rows.ToName)) : null),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.QueuedAt), last.Id.ToString()).ToText(list));
    }
}
