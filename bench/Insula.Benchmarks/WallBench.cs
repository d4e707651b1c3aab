using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Storage.Engine;
using Insula.Storage.Postgres;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Npgsql;

namespace Insula.Benchmarks;

/// <summary>
/// What the walls of the placement <c>shared</c> cost: the product's own statements under row-level security, with the
/// tenant set for each, beside the same statements on a copy of the tables without policies, through a pool with the same
/// settings, on one connection each. The statement alone (the tenant set once for the connection) shows what part of it is
/// the policy.
/// </summary>
internal static class WallBench
{
    private const int Tenants = 20;
    private const int EventsEach = 1000;
    private const int PageRows = 20;

    public static async Task<(IReadOnlyList<Slice> Reads, IReadOnlyList<Slice> Writes)> MeasureAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        await using var home = await PostgresHome.StartAsync(ct);
        var (tenant, session) = await FillAsync(home, ct);
        await CopyWithoutWallsAsync(home, ct);

        await using var bare = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(home.Database.OwnerConnectionString)
        {
            SearchPath = "bare",
            MaxAutoPrepare = 100,
            AutoPrepareMinUsages = 2,
            Enlist = false,
            NoResetOnClose = true,
        });
        using var lease = await home.Storage.ServerOf("main").LeaseAsync(tenant.Id, Placement.Shared, ct);
        var guarded = lease.Database;
        await using var held = await home.Storage.ServerOf("main").RuntimeOf(home.Database.Database).OpenConnectionAsync(ct);
        await using (var set = new NpgsqlCommand("select set_config('insula.tenant', $1, false)", held) { Parameters = { new() { Value = tenant.Id.ToString() } } }) await set.ExecuteNonQueryAsync(ct);

        (string, object?)[] page = [("@tenant_id", tenant.Id.ToString()), ("@session_id", session.ToString()), ("@after_seq", (long)EventsEach / 2), ("@limit", PageRows)];
        var reads = await Slices.TakeTurnsAsync(
            rounds,
            ("read a page, no walls", () => ForAsync(slice, () => ReadBareAsync(bare, page, ct)), Environment.ProcessId),
            ("read a page, tenant set and policies on", () => ForAsync(slice, async () => (await guarded.AllAsync(EventSql.Read, static row => row.GetString(2), ct, page)).Count), Environment.ProcessId),
            ("the statement alone, no walls", () => HeldAsync(bare, slice, page, ct), Environment.ProcessId),
            ("the statement alone, policies on", () => ForAsync(slice, () => ReadAsync(held, page, ct)), Environment.ProcessId));
        long seq = EventsEach;
        var writes = await Slices.TakeTurnsAsync(
            rounds,
            ("insert an event, no walls", () => ForAsync(slice, () => InsertBareAsync(bare, Event(tenant.Id, session, ++seq), ct)), Environment.ProcessId),
            ("insert an event, tenant set and policies on", () => ForAsync(slice, () => guarded.ChangeAsync(EventSql.Insert, ct, Event(tenant.Id, session, ++seq))), Environment.ProcessId));
        return (reads, writes);
    }

    private static async Task<(Tenant Tenant, Id<Session> Session)> FillAsync(PostgresHome home, CancellationToken ct)
    {
        (Tenant, Id<Session>) last = default;
        for (var i = 0; i < Tenants; i++)
        {
            var tenant = await home.AddTenantAsync(Placement.Shared, ct);
            var scope = SystemTask.Provision.For(tenant.Id);
            var session = (await AppendBench.AddSessionsAsync(home.Stores, scope, 1, ct))[0];
            await using var store = await home.Stores.OpenAsync(scope, ct);
            var events = Enumerable.Range(0, EventsEach).Select(static _ => new NewEvent(new UserMessage([ContentBlock.OfText(new string('x', 1024))]))).ToList();
            await store.Sessions.AppendInputAsync(session, events, static _ => null, TimeProvider.System.GetUtcNow(), ct);
            last = (tenant, session);
        }

        return last;
    }

    private static async Task CopyWithoutWallsAsync(PostgresHome home, CancellationToken ct)
    {
        await using var superuser = new NpgsqlConnection(home.Database.SuperuserConnectionString);
        await superuser.OpenAsync(ct);
        await using var copy = new NpgsqlCommand(
            $"""
            create schema bare;
            create table bare.sessions (like insula_tenants.sessions including all);
            create table bare.events (like insula_tenants.events including all);
            insert into bare.sessions select * from insula_tenants.sessions;
            insert into bare.events select * from insula_tenants.events;
            alter table bare.events add foreign key (tenant_id, session_id) references bare.sessions (tenant_id, session_id) on delete cascade;
            grant usage on schema bare to {home.Database.Owner};
            grant select, insert on all tables in schema bare to {home.Database.Owner};
            analyze;
            """,
            superuser);
        await copy.ExecuteNonQueryAsync(ct);
    }

    private static async Task<long> ForAsync(TimeSpan slice, Func<Task<int>> once)
    {
        long count = 0;
        var began = TimeProvider.System.GetTimestamp();
        for (; TimeProvider.System.GetElapsedTime(began) < slice; count++)
        {
            if (await once() is not (PageRows or 1)) throw new InvalidOperationException("A statement did not give what it should.");
        }

        return count;
    }

    private static async Task<long> HeldAsync(NpgsqlDataSource source, TimeSpan slice, (string, object?)[] page, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        return await ForAsync(slice, () => ReadAsync(connection, page, ct));
    }

    private static async Task<int> ReadBareAsync(NpgsqlDataSource source, (string, object?)[] page, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        return await ReadAsync(connection, page, ct);
    }

    private static async Task<int> ReadAsync(NpgsqlConnection connection, (string, object?)[] page, CancellationToken ct)
    {
        await using var command = Command(connection, EventSql.Read, page);
        await using var reader = await command.ExecuteReaderAsync(ct);
        List<string> rows = [];
        while (await reader.ReadAsync(ct)) rows.Add(reader.GetString(2));
        return rows.Count;
    }

    private static async Task<int> InsertBareAsync(NpgsqlDataSource source, (string, object?)[] values, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var command = Command(connection, EventSql.Insert, values);
        return await command.ExecuteNonQueryAsync(ct);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, (string, object?)[] values)
    {
        var command = new NpgsqlCommand(PgText.Of(sql, values).Sql, connection);
        foreach (var (_, value) in values)
        {
            command.Parameters.Add(value switch
            {
                string text => new NpgsqlParameter<string> { TypedValue = text },
                long number => new NpgsqlParameter<long> { TypedValue = number },
                int number => new NpgsqlParameter<int> { TypedValue = number },
                Null.Long => new NpgsqlParameter<long?> { TypedValue = null },
                _ => new NpgsqlParameter<string?> { TypedValue = null },
            });
        }

        return command;
    }

    private static (string, object?)[] Event(Id<Tenant> tenant, Id<Session> session, long seq) =>
    [
        ("@tenant_id", tenant.ToString()), ("@session_id", session.ToString()), ("@seq", seq), ("@event_id", Id<SessionEvent>.New().ToString()), ("@type", "user.message"),
        ("@body", Body), ("@created_at", 1L), ("@processed_at", Null.Long), ("@epoch", 0L), ("@run_id", null),
    ];

    private static readonly string Body = new('x', 1024);
}
