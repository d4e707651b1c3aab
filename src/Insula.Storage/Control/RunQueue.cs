using System.Runtime.CompilerServices;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class RunQueue(SqliteStorage storage) : IRunQueue
{
    private const int PageRows = 500;

    public Task WakeAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct) => storage.Control.WriteAsync(
        link => link.Run(
            RunQueueSql.Put,
            ("@tenant_id", tenant.ToString()),
            ("@session_id", session.ToString()),
            ("@mark", link.Number(RunQueueSql.NextMark))),
        ct);

    public Task<long?> MarkAsync(Id<Tenant> tenant, Id<Session> session, CancellationToken ct) => storage.Control.ReadAsync(
        link => link.First(RunQueueSql.Mark, static row => (long?)row.GetInt64(0), ("@tenant_id", tenant.ToString()), ("@session_id", session.ToString())),
        ct);

    public Task<bool> SettleAsync(Id<Tenant> tenant, Id<Session> session, long mark, CancellationToken ct) => storage.Control.WriteAsync(
        link =>
        {
            link.Run(RunQueueSql.Remove, ("@tenant_id", tenant.ToString()), ("@session_id", session.ToString()), ("@mark", mark));
            return link.First(RunQueueSql.Mark, static _ => true, ("@tenant_id", tenant.ToString()), ("@session_id", session.ToString())) is false;
        },
        ct);

    public async IAsyncEnumerable<QueuedSession> AllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        // In pages, so that a slow reader holds no read connection.
        var after = 0L;
        while (true)
        {
            var page = await storage.Control.ReadAsync(
                link => link.All(
                    RunQueueSql.Page,
                    static row => (Mark: row.GetInt64(0), Entry: new QueuedSession(row.Id<Tenant>(1), row.Id<Session>(2))),
                    ("@after", after),
                    ("@limit", PageRows)),
                ct);
            foreach (var (_, entry) in page) yield return entry;
            if (page.Count < PageRows) yield break;
            after = page[^1].Mark;
        }
    }
}
