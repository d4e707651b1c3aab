using System.Runtime.CompilerServices;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class RunQueue(ControlDatabase control, TimeProvider time) : IRunQueue
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

    public Task<long?> TryLeaseAsync(QueuedSession entry, Id<Node> node, TimeSpan length, CancellationToken ct) => control.For(entry.Tenant).WriteAsync(
        link => link.FirstAsync(
            link.Dialect == Dialect.Sqlite ? RunQueueSql.LeaseSqlite : RunQueueSql.LeasePostgres,
            static row => (long?)row.GetInt64(0),
            AtNow(link, [.. Of(entry, node), ("@length", length.Ticks)])),
        ct);

    public async Task<IReadOnlyDictionary<QueuedSession, long>> RenewAsync(Id<Node> node, IReadOnlyCollection<QueuedSession> held, TimeSpan length, CancellationToken ct)
    {
        var kept = await control.Platform.WriteAsync(
            link => link.AllAsync(
                link.Dialect == Dialect.Sqlite ? RunQueueSql.RenewSqlite : RunQueueSql.RenewPostgres,
                static row => (Entry: new QueuedSession(row.Id<Tenant>(0), row.Id<Session>(1)), Mark: row.GetInt64(2)),
                AtNow(link, [("@node", node.ToString()), ("@sessions", Rows.ToNames(held.Select(static entry => entry.Session.ToString()))), ("@length", length.Ticks)])),
            ct);
        return kept.ToDictionary(static row => row.Entry, static row => row.Mark);
    }

    public Task<long?> SettleAsync(QueuedSession entry, Id<Node> node, long mark, CancellationToken ct) => control.For(entry.Tenant).WriteAsync(
        link =>
        {
            link.Post(RunQueueSql.Remove, [.. Of(entry, node), ("@mark", mark)]);
            return link.FirstAsync(RunQueueSql.Mark, static row => (long?)row.GetInt64(0), Of(entry, node));
        },
        ct);

    public Task ReleaseAsync(QueuedSession entry, Id<Node> node, CancellationToken ct) => control.For(entry.Tenant).ChangeAsync(RunQueueSql.Release, ct, Of(entry, node));

    public async Task<IReadOnlyList<FreeEntry>> ListFreeAsync(FreeEntries which, long after, int limit, CancellationToken ct) => await control.Platform.ReadAsync(
        link =>
        {
            (string, object?)[] page = [("@after", after), ("@limit", limit)];
            return which == FreeEntries.Untouched
                ? link.AllAsync(RunQueueSql.Untouched, Read, page)
                : link.AllAsync(link.Dialect == Dialect.Sqlite ? RunQueueSql.DroppedSqlite : RunQueueSql.DroppedPostgres, Read, AtNow(link, page));
        },
        ct);

    public async IAsyncEnumerable<QueuedSession> AllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        // In pages, so that a slow reader holds no connection.
        var after = 0L;
        while (true)
        {
            var page = await control.Platform.AllAsync(RunQueueSql.All, Read, ct, ("@after", after), ("@limit", PageRows));
            foreach (var (_, entry) in page) yield return entry;
            if (page.Count < PageRows) yield break;
            after = page[^1].Place;
        }
    }

    private static FreeEntry Read(DbDataReader row) => new(row.GetInt64(0), new QueuedSession(row.Id<Tenant>(1), row.Id<Session>(2)));

    private static (string Name, object? Value)[] Of(QueuedSession entry, Id<Node> node) =>
        [("@tenant_id", entry.Tenant.ToString()), ("@session_id", entry.Session.ToString()), ("@node", node.ToString())];

    /// <summary>With the program's time, where the engine has no clock of its own.</summary>
    private (string Name, object? Value)[] AtNow(Link link, (string Name, object? Value)[] values) =>
        link.Dialect == Dialect.Sqlite ? [.. values, ("@now", Instant.ToNumber(time.GetUtcNow()))] : values;
}
