using Insula.Storage.Engine;
using Insula.Storage.Postgres;
using Insula.Storage.Statements;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>What a unit of work leaves on its connection, however it ends: nothing. On a pool of one, so that the next user gets that very connection.</summary>
public sealed class UnitTests(SharedPostgres postgres) : IAsyncLifetime
{
    private readonly PostgresHome _home = new(postgres) { Change = static options => options with { DatabaseConnectionsMax = 1 } };
    private readonly ConnectionGate _gate = new(1, 1, TimeSpan.FromSeconds(10), "main", TimeProvider.System);
    private PgPool _pool = null!;
    private Tenant _shared = null!;
    private Tenant _schema = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private (string Name, PgScope Scope)[] Scopes => [("shared", PgScope.InTenants(_shared.Id)), ("schema", PgScope.InSchema(_schema.Id)), ("control", PgScope.InControl(_shared.Id)), ("platform", PgScope.OfPlatform)];

    public async ValueTask InitializeAsync()
    {
        await _home.OpenAsync();
        _shared = await _home.AddTenantAsync(Placement.Shared);
        _schema = await _home.AddTenantAsync(Placement.Schema);
        _pool = new PgPool(_home.Get<PostgresStorage>().ServerOf("main").RuntimeOf(_home.Database.Database), _gate, "main", TimeSpan.FromMinutes(1), TimeProvider.System);
        foreach (var scope in (PgScope[])[PgScope.InTenants(_shared.Id), PgScope.InSchema(_schema.Id)]) await AddAsync(For(scope), scope.Tenant, "first");
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        _gate.Dispose();
        await _home.DisposeAsync();
    }

    /// <summary>Each ending, and whether the connection is kept.</summary>
    public static TheoryData<string, bool> Endings => new()
    {
        { "a read", true },
        { "a read of two statements", true },
        { "a read that throws", true },
        { "a read whose statement fails", true },
        { "a read that is cancelled", false },
        { "a change", true },
        { "a shared commit", true },
        { "a shared commit whose statement fails", true },
        { "a write", true },
        { "a write of posts alone", true },
        { "a write with a lock by name", true },
        { "a write that throws at once", true },
        { "a write that throws in the middle", true },
        { "a write whose first statement fails", true },
        { "a write whose later statement fails", true },
        { "a write that is cancelled", false },
        { "a write that is cancelled at its commit", false },
    };

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task Nothing_of_a_unit_is_left_on_its_connection(string ending, bool kept)
    {
        foreach (var (name, scope) in Scopes)
        {
            var (clean, before) = await LookAsync();
            var error = await Record.ExceptionAsync(() => EndAsync(For(scope), ending));
            var (left, after) = await LookAsync();

            Assert.Equal("tenant= platform= role=none as=True path=insula_tenants locks=0 rows=0 open=False", clean);
            Assert.True(clean == left, $"{name}, {ending}: {left}");
            Assert.True(!kept || before == after, $"{name}, {ending}: the connection was thrown away");
            Assert.Equal(ending.Contains("throws", StringComparison.Ordinal) || ending.Contains("fails", StringComparison.Ordinal) || ending.Contains("cancelled", StringComparison.Ordinal), error is not null);
            Assert.Equal(ending.Contains("cancelled", StringComparison.Ordinal), error is OperationCanceledException);
        }
    }

    [Fact]
    public async Task A_throw_in_a_unit_takes_all_of_it_back()
    {
        foreach (var (_, scope) in Scopes[..2])
        {
            var database = For(scope);
            await Assert.ThrowsAsync<InvalidOperationException>(() => database.WriteAsync<bool>(
                async link =>
                {
                    Insert(link, scope.Tenant, "posted");
                    Assert.Equal(["first", "posted"], await NamesAsync(link, scope.Tenant));
                    Insert(link, scope.Tenant, "not even sent");
                    throw new InvalidOperationException("enough");
                },
                Ct));
            Assert.Equal(["first"], await database.ReadAsync(link => NamesAsync(link, scope.Tenant), Ct));
        }
    }

    [Fact]
    public async Task A_unit_that_reads_cannot_change_anything_whichever_way_it_asks()
    {
        var database = For(PgScope.InTenants(_shared.Id));
        await Assert.ThrowsAsync<InvalidOperationException>(() => database.ReadAsync(static link => link.RunAsync("delete from environments"), Ct));
        await Assert.ThrowsAsync<InvalidOperationException>(() => database.ReadAsync(static link => link.LockAsync("select 1 from environments", static _ => true), Ct));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Read(static link => link.Post("delete from environments")));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Read(static link => link.Alone("thing")));
        await Assert.ThrowsAsync<Tenancy.Faults.FaultException>(() => database.AllAsync("delete from environments returning 1", static row => row.GetInt32(0), Ct));
        Assert.Equal(["first"], await database.ReadAsync(link => NamesAsync(link, _shared.Id.ToString()), Ct));

        Task<bool> Read(Action<Link> act) => database.ReadAsync(
            link =>
            {
                act(link);
                return ValueTask.FromResult(true);
            },
            Ct);
    }

    [Fact]
    public async Task Two_tenants_on_one_connection_never_meet()
    {
        var (one, other) = (For(PgScope.InTenants(_shared.Id)), For(PgScope.InSchema(_schema.Id)));
        for (var round = 0; round < 50; round++)
        {
            foreach (var (database, tenant) in new[] { (one, _shared.Id.ToString()), (other, _schema.Id.ToString()) })
                Assert.Equal([tenant], await database.AllAsync("select tenant_id from environments", static row => row.GetString(0), Ct));
        }
    }

    private PgDatabase For(PgScope scope) => new(_pool, scope);

    private static async Task EndAsync(PgDatabase database, string ending)
    {
        const string one = "select 1", wrong = "select 1 / 0", slow = "select 1 from pg_sleep(60)";
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        _ = ending switch
        {
            "a read" => await database.FirstAsync(one, Number, Ct),
            "a read of two statements" => await database.ReadAsync(static async link => await link.FirstAsync(one, Number) + await link.FirstAsync(one, Number), Ct),
            "a read that throws" => await database.ReadAsync(static async link => await link.FirstAsync(one, Number) + Throw(), Ct),
            "a read whose statement fails" => await database.FirstAsync(wrong, Number, Ct),
            "a read that is cancelled" => await database.FirstAsync(slow, Number, soon.Token),
            "a change" => await database.ChangeAsync(one, Ct),
            "a shared commit" => await database.AnswerAsync(one, Number, "thing", Ct),
            "a shared commit whose statement fails" => await database.AnswerAsync(wrong, Number, "thing", Ct),
            "a write" => await database.WriteAsync(static async link => await link.FirstAsync(one, Number) + await link.FirstAsync(one, Number), Ct),
            "a write of posts alone" => await database.WriteAsync(static link => Post(link, one), Ct),
            "a write with a lock by name" => await database.WriteAsync(static link => Alone(link), Ct),
            "a write that throws at once" => await database.WriteAsync(static link => ValueTask.FromResult(Throw()), Ct),
            "a write that throws in the middle" => await database.WriteAsync(static async link => await link.FirstAsync(one, Number) + Throw(), Ct),
            "a write whose first statement fails" => await database.WriteAsync(static link => link.FirstAsync(wrong, Number), Ct),
            "a write whose later statement fails" => await database.WriteAsync(static async link => await link.FirstAsync(one, Number) + await link.FirstAsync(wrong, Number), Ct),
            "a write that is cancelled" => await database.WriteAsync(static async link => await link.FirstAsync(one, Number) + await link.FirstAsync(slow, Number), soon.Token),
            "a write that is cancelled at its commit" => await database.WriteAsync(static link => Post(link, slow), soon.Token),
            _ => throw new ArgumentOutOfRangeException(nameof(ending), ending, "not an ending"),
        };

        static int Number(System.Data.Common.DbDataReader row) => row.GetInt32(0);
        static int Throw() => throw new InvalidOperationException("enough");

        static ValueTask<int> Post(Link link, string sql)
        {
            link.Post(sql);
            return ValueTask.FromResult(1);
        }

        static ValueTask<int> Alone(Link link)
        {
            link.Alone("thing");
            return link.FirstAsync(one, Number);
        }
    }

    /// <summary>The pool's connection as the next user would find it, and which server process it is.</summary>
    private Task<(string Left, int Process)> LookAsync() => _pool.Connections.UseAsync(LookAsync, Ct);

    private static async ValueTask<(string Left, int Process)> LookAsync(NpgsqlConnection connection)
    {
        var left = await Sql.FirstAsync<string>(
            connection,
            """
            select format('tenant=%s platform=%s role=%s as=%s path=%s locks=%s rows=%s', current_setting('insula.tenant', true), current_setting('insula.platform', true),
              current_setting('role'), initcap((current_user = session_user)::text), current_setting('search_path'),
              (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'),
              (select count(*) from insula_tenants.environments) + (select count(*) from insula_control.tenants))
            """);
        // A savepoint is refused outside a transaction: none was left open.
        var open = await Record.ExceptionAsync(() => Sql.RunAsync(connection, "savepoint probe")) is not PostgresException { SqlState: PostgresErrorCodes.NoActiveSqlTransaction };
        return ($"{left} open={open}", connection.ProcessID);
    }

    private static Task AddAsync(PgDatabase database, string tenant, string name) => database.WriteAsync(
        link =>
        {
            Insert(link, tenant, name);
            return ValueTask.CompletedTask;
        },
        Ct);

    private static void Insert(Link link, string tenant, string name) => link.Post(
        EnvironmentSql.Insert,
        ("@tenant_id", tenant),
        ("@environment_id", name),
        ("@name", name),
        ("@description", null),
        ("@config", "{}"),
        ("@metadata", "{}"),
        ("@created_at", 1L),
        ("@updated_at", 1L),
        ("@archived_at", Null.Long));

    private static ValueTask<List<string>> NamesAsync(Link link, string tenant) =>
        link.AllAsync("select name from environments where tenant_id = @tenant_id order by created_at, name", static row => row.GetString(0), ("@tenant_id", tenant));
}
