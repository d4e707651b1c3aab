using System.Runtime.CompilerServices;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class RunQueue(ControlDatabase control) : IRunQueue
{
    private const int PageRows = 500;

    public Task WakeAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct) => control.For(tenant).WriteAsync(
        link =>
        {
            if (link.Dialect == Dialect.Sqlite) link.Post(RunQueueSql.TickSqlite);
            link.Post(link.Dialect == Dialect.Sqlite ? RunQueueSql.PutSqlite : RunQueueSql.PutPostgres, ("@tenant_id", tenant.ToString()), ("@session_id", session.ToString()));
            return ValueTask.CompletedTask;
        },
        ct);

    public Task<long?> MarkAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct) => control.For(tenant).FirstAsync(
        RunQueueSql.Mark,
        static row => (long?)row.GetInt64(0),
        ct,
        ("@tenant_id", tenant.ToString()),
        ("@session_id", session.ToString()));

    public Task<bool> SettleAsync(Id<Tenant> tenant, Id<Session> session, long mark, CancellationToken ct) => control.For(tenant).WriteAsync(
        async link =>
        {
            link.Post(RunQueueSql.Remove, ("@tenant_id", tenant.ToString()), ("@session_id", session.ToString()), ("@mark", mark));
            return await link.FirstAsync(RunQueueSql.Mark, static _ => true, ("@tenant_id", tenant.ToString()), ("@session_id", session.ToString())) is false;
        },
        ct);

    public async IAsyncEnumerable<QueuedSession> AllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        // In pages, so that a slow reader holds no connection.
        var after = 0L;
        while (true)
        {
            var page = await control.Platform.AllAsync(
                RunQueueSql.Page,
                static row => (Mark: row.GetInt64(0), Entry: new QueuedSession(row.Id<Tenant>(1), row.Id<Session>(2))),
                ct,
                ("@after", after),
                ("@limit", PageRows));
            foreach (var (_, entry) in page) yield return entry;
            if (page.Count < PageRows) yield break;
            after = page[^1].Mark;
        }
    }
}
