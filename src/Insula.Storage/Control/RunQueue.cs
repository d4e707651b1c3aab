using System.Runtime.CompilerServices;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Webhooks;

namespace Insula.Storage.Control;

internal sealed class RunQueue(ControlDatabase control, TimeProvider time) : IRunQueue
{
    private const int PageRows = 500;
    private const int ClaimTries = 8;

    /// <summary>Marks begin at 1.</summary>
    private const long AnyMark = 0;

    public bool Orders => control.Dialect == Dialect.Postgres;

    public Task WakeAsync(Id<Tenant> tenant, Id<Session> session, WakeOptions options, CancellationToken ct) => control.For(tenant).WriteAsync(
        link =>
        {
            var sqlite = link.Dialect == Dialect.Sqlite;
            if (sqlite) link.Post(RunQueueSql.TickSqlite);
            else link.Post(RunShareSql.EnsurePostgres, ("@tenant_id", tenant.ToString()));
            link.Post(
                sqlite ? RunQueueSql.PutSqlite : RunQueueSql.PutPostgres,
                AtNow(link, [("@tenant_id", tenant.ToString()), ("@session_id", session.ToString()), ("@priority", options.Priority), ("@ahead", Ahead(options.Priority))]));
            return ValueTask.CompletedTask;
        },
        ct);

    public Task<QueueLease?> TryLeaseAsync(QueuedSession entry, Id<Node> node, TimeSpan length, CancellationToken ct) => control.For(entry.Tenant).WriteAsync(
        link => link.FirstAsync(
            link.Dialect == Dialect.Sqlite ? RunQueueSql.LeaseSqlite : RunQueueSql.LeasePostgres,
            static row => new QueueLease(row.GetInt64(0), row.GetInt32(1)),
            AtNow(link, [.. Of(entry, node), ("@length", length.Ticks)])),
        ct);

    public async Task<ClaimedSession?> ClaimAsync(Id<Node> node, TimeSpan length, ClaimOptions options, CancellationToken ct)
    {
        // A tenant that was chosen may have nothing left when it is its turn: another node was there first.
        for (var tries = 0; tries < ClaimTries; tries++)
        {
            var (chosen, claimed) = await control.Platform.WriteAsync(link => ClaimAsync(link, node, length, options), ct);
            if (claimed is not null || !chosen) return claimed;
        }

        return null;
    }

    public Task ShareAsync(Id<Tenant> tenant, RunShare share, CancellationToken ct) => control.For(tenant).ChangeAsync(
        RunShareSql.PutPostgres,
        ct,
        ("@tenant_id", tenant.ToString()),
        ("@concurrent", share.Concurrent),
        ("@weight", share.Weight),
        ("@minimum", share.Minimum));

    public Task ProgressedAsync(QueuedSession entry, Id<Node> node, CancellationToken ct) => control.For(entry.Tenant).ChangeAsync(RunQueueSql.Progress, ct, Of(entry, node));

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

    public Task<long?> SettleAsync(QueuedSession entry, Id<Node> node, long mark, LeaseEnd end, CancellationToken ct) => control.For(entry.Tenant).WriteAsync(
        link =>
        {
            (string, object?)[] under = [.. Of(entry, node), ("@mark", mark)];
            PostCost(link, end, under);
            if (end.Again is not { } delay) link.Post(RunQueueSql.Remove, under);
            else link.Post(link.Dialect == Dialect.Sqlite ? RunQueueSql.DelaySqlite : RunQueueSql.DelayPostgres, AtNow(link, [.. under, ("@delay", delay.Ticks)]));

            // In this very transaction: from here on nobody would look for what the session used.
            UsageLedger.Mark(link, entry.Tenant, time.GetUtcNow());
            foreach (var run in end.Ended ?? []) PostEnded(link, entry, run);
            return link.FirstAsync(RunQueueSql.Mark, static row => (long?)row.GetInt64(0), Of(entry, node));
        },
        ct);

    public Task ReleaseAsync(QueuedSession entry, Id<Node> node, LeaseEnd end, CancellationToken ct) => control.For(entry.Tenant).WriteAsync(
        link =>
        {
            PostCost(link, end, [.. Of(entry, node), ("@mark", AnyMark)]);
            link.Post(
                link.Dialect == Dialect.Sqlite ? RunQueueSql.ReleaseSqlite : RunQueueSql.ReleasePostgres,
                AtNow(link, [.. Of(entry, node), ("@delay", (end.Again ?? TimeSpan.Zero).Ticks)]));
            return ValueTask.CompletedTask;
        },
        ct);

    public async Task<IReadOnlyList<FreeEntry>> ListFreeAsync(FreeEntries which, long after, int limit, CancellationToken ct) => await control.Platform.ReadAsync(
        link =>
        {
            var sqlite = link.Dialect == Dialect.Sqlite;
            var sql = which == FreeEntries.Untouched
                ? sqlite ? RunQueueSql.UntouchedSqlite : RunQueueSql.UntouchedPostgres
                : sqlite ? RunQueueSql.DroppedSqlite : RunQueueSql.DroppedPostgres;
            return link.AllAsync(sql, Read, AtNow(link, [("@after", after), ("@limit", limit)]));
        },
        ct);

    public Task<EntryStanding?> FindAsync(QueuedSession entry, CancellationToken ct) => control.Platform.ReadAsync(
        link => link.FirstAsync(
            link.Dialect == Dialect.Sqlite ? RunQueueSql.StandingSqlite : RunQueueSql.StandingPostgres,
            static row => new EntryStanding(
                row.GetInt64(0) != 0, TimeSpan.FromTicks(row.GetInt64(1)), (int)row.GetInt64(2), (int)row.GetInt64(3), row.GetInt64(4) != 0, (int)row.GetInt64(5), NumberOrNull(row, 6), NumberOrNull(row, 7)),
            AtNow(link, [("@tenant_id", entry.Tenant.ToString()), ("@session_id", entry.Session.ToString())])),
        ct);

    public async Task<QueueDepth> CountAsync(CancellationToken ct) => (await control.Platform.ReadAsync(
        link => link.FirstAsync(
            link.Dialect == Dialect.Sqlite ? RunQueueSql.DepthSqlite : RunQueueSql.DepthPostgres,
            static row => new QueueDepth(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2)),
            AtNow(link, [])),
        ct))!;

    public async IAsyncEnumerable<QueuedSession> AllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        // In pages, so that a slow reader holds no connection.
        var after = 0L;
        while (true)
        {
            var page = await control.Platform.AllAsync(RunQueueSql.All, Read, ct, ("@after", after), ("@limit", PageRows));
            foreach (var free in page) yield return free.Entry;
            if (page.Count < PageRows) yield break;
            after = page[^1].Place;
        }
    }

    private static async ValueTask<(bool Chosen, ClaimedSession? Claimed)> ClaimAsync(Link link, Id<Node> node, TimeSpan length, ClaimOptions options)
    {
        // A node that takes what others left takes what another version of the program wrote too.
        if (options.Age > TimeSpan.Zero) link.Post(RunShareSql.FillPostgres);
        (string, object?)[] how = [("@minima", options.Minima), ("@age", options.Age.Ticks)];
        var chosen = await link.FirstAsync(RunShareSql.ChoosePostgres, static row => row.GetString(0), how)
            ?? await link.FirstAsync(RunShareSql.ChooseOrWaitPostgres, static row => row.GetString(0), how);
        if (chosen is null) return (false, null);
        var claimed = await link.LastAsync(
            RunShareSql.TakePostgres,
            static row => new ClaimedSession(
                new QueuedSession(row.Id<Tenant>(0), row.Id<Session>(1)), new QueueLease(row.GetInt64(2), row.GetInt32(3)), (int)row.GetInt64(4), TimeSpan.FromTicks(row.GetInt64(5))),
            [.. how, ("@tenant_id", chosen), ("@node", node.ToString()), ("@length", length.Ticks)]);
        return (true, claimed);
    }

    /// <summary>Before the lease ends, since it says what was charged for it. Where the store does not order, nothing was.</summary>
    private static void PostCost(Link link, LeaseEnd end, (string Name, object? Value)[] under)
    {
        if (link.Dialect == Dialect.Postgres) link.Post(RunShareSql.SettlePostgres, [.. under, ("@cost", end.Cost), ("@newest", RunCost.Newest)]);
    }

    private static void PostEnded(Link link, QueuedSession entry, EndedRun run) => WebhookRows.Put(
        link,
        entry.Tenant,
        WebhookEvents.RunEnded,
        run.Run.ToString(),
        new Dictionary<string, string> { ["run_id"] = run.Run.ToString(), ["session_id"] = entry.Session.ToString(), ["stop_reason"] = run.StopReason },
        run.At);

    /// <summary>How much nearer its turn a priority brings an entry.</summary>
    private static long Ahead(int priority) => priority * WakeOptions.LevelWait.Ticks;

    private static double? NumberOrNull(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetDouble(column);

    private static FreeEntry Read(DbDataReader row) =>
        new(row.GetInt64(0), new QueuedSession(row.Id<Tenant>(1), row.Id<Session>(2)), row.GetInt32(3), Instant.FromNumber(row.GetInt64(4)));

    private static (string Name, object? Value)[] Of(QueuedSession entry, Id<Node> node) =>
        [("@tenant_id", entry.Tenant.ToString()), ("@session_id", entry.Session.ToString()), ("@node", node.ToString())];

    /// <summary>With the program's time, where the engine has no clock of its own.</summary>
    private (string Name, object? Value)[] AtNow(Link link, (string Name, object? Value)[] values) =>
        link.Dialect == Dialect.Sqlite ? [.. values, ("@now", Instant.ToNumber(time.GetUtcNow()))] : values;
}
