using Insula.Storage.Postgres;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>Statements that share a transaction: what each gets of it, and what it costs the others.</summary>
public sealed class SharedCommitsTests(SharedPostgres postgres) : IAsyncLifetime
{
    private const int Many = 60;

    private const string Insert =
        """
        insert into environments (tenant_id, environment_id, name, config, metadata, created_at, updated_at)
        values (@tenant_id, @id, @id, '{}', '{}', 0, 0)
        returning environment_id, pg_current_xact_id()::text
        """;

    private readonly PostgresHome _home = new(postgres);
    private readonly ConnectionGate _gate = new(3, 3, TimeSpan.FromSeconds(60), "main", TimeProvider.System);
    private PgPool _pool = null!;
    private Tenant _one = null!;
    private Tenant _other = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _home.OpenAsync();
        _one = await _home.AddTenantAsync(Placement.Shared);
        _other = await _home.AddTenantAsync(Placement.Shared);
        _pool = new PgPool(_home.Get<PostgresStorage>().ServerOf("main").RuntimeOf(_home.Database.Database), _gate, "main", TimeSpan.FromMinutes(1), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        _gate.Dispose();
        await _home.DisposeAsync();
    }

    [Fact]
    public async Task Many_at_once_become_durable_in_fewer_transactions_and_each_gets_its_own_answer()
    {
        var ids = Enumerable.Range(0, Many).Select(static n => $"env_{n:000}").ToList();
        var answers = await Task.WhenAll(ids.Select(id => InsertAsync(_one, id)));

        Assert.Equal(ids, answers.Select(static answer => answer.Id));
        Assert.InRange(answers.Select(static answer => answer.Transaction).Distinct().Count(), 1, Many / 2);
        Assert.Equal(ids, await NamesAsync(_one));
    }

    [Fact]
    public async Task One_that_comes_alone_is_made_alone()
    {
        var first = await InsertAsync(_one, "env_1");
        var second = await InsertAsync(_one, "env_2");

        Assert.NotEqual(first.Transaction, second.Transaction);
    }

    [Fact]
    public async Task Only_the_one_at_fault_fails()
    {
        await InsertAsync(_one, "env_taken");
        var good = Enumerable.Range(0, Many).Select(static n => $"env_{n:000}").ToList();
        var made = good.Select(id => InsertAsync(_one, id)).ToList();
        var bad = Enumerable.Range(0, 3).Select(_ => InsertAsync(_one, "env_taken")).ToList();

        foreach (var one in bad) Assert.Equal(PostgresErrorCodes.UniqueViolation, (await Assert.ThrowsAsync<PostgresException>(() => one)).SqlState);
        Assert.Equal(good, (await Task.WhenAll(made)).Select(static answer => answer.Id));
        Assert.Equal([.. good, "env_taken"], await NamesAsync(_one));
    }

    [Fact]
    public async Task Two_tenants_never_share_a_transaction()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, Many).Select(async n =>
        {
            var tenant = n % 2 == 0 ? _one : _other;
            return (tenant.Id, (await InsertAsync(tenant, $"env_{n:000}")).Transaction);
        }));

        Assert.All(made.GroupBy(static answer => answer.Transaction), static together => Assert.Single(together.Select(static answer => answer.Id).Distinct()));
        Assert.Equal(Many / 2, (await NamesAsync(_one)).Count);
        Assert.Equal(Many / 2, (await NamesAsync(_other)).Count);
    }

    [Fact]
    public async Task Who_cancels_waits_no_longer_and_the_others_go_on()
    {
        await using var source = _home.Get<PostgresStorage>().ServerOf("main").RuntimeOf(_home.Database.Database);
        await using var holder = await source.OpenConnectionAsync(Ct);
        await using var held = await holder.BeginTransactionAsync(Ct);
        await using (var take = new NpgsqlCommand("select pg_advisory_xact_lock(7)", holder)) await take.ExecuteNonQueryAsync(Ct);
        using var cancelled = new CancellationTokenSource();

        // Both places are taken by statements that wait, so the next two wait for a transaction to share.
        var waiting = Enumerable.Range(0, 2).Select(_ => For(_one).AnswerAsync("select 1 from pg_advisory_xact_lock(7)", static row => row.GetInt32(0), "lock", Ct)).ToList();
        var gone = For(_one).AnswerAsync("select 1", static row => row.GetInt32(0), "row", cancelled.Token);
        var stays = InsertAsync(_one, "env_stays");
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.False(stays.IsCompleted);

        await held.RollbackAsync(Ct);
        Assert.Equal("env_stays", (await stays).Id);
        await Task.WhenAll(waiting);
    }

    private PgDatabase For(Tenant tenant) => new(_pool, PgScope.InTenants(tenant.Id));

    private Task<(string Id, string Transaction)> InsertAsync(Tenant tenant, string id) =>
        For(tenant).AnswerAsync(Insert, static row => (row.GetString(0), row.GetString(1)), id, Ct, ("@tenant_id", tenant.Id.ToString()), ("@id", id));

    private Task<List<string>> NamesAsync(Tenant tenant) =>
        For(tenant).AllAsync("select name from environments where tenant_id = @tenant_id order by name collate \"C\"", static row => row.GetString(0), Ct, ("@tenant_id", tenant.Id.ToString()));
}
