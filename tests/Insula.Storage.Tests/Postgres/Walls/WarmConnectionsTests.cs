using Insula.Storage.Postgres;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>Which connection a unit gets, and what becomes of those that nobody needs.</summary>
public sealed class WarmConnectionsTests(SharedPostgres postgres) : IAsyncLifetime
{
    private const int Together = 6;

    private static readonly TimeSpan IdleMax = TimeSpan.FromMinutes(5);

    private readonly ManualClock _clock = new();
    private TestDatabase _database = null!;
    private WarmConnections _connections = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await postgres.CreateDatabaseAsync(Ct);
        _connections = new WarmConnections(NpgsqlDataSource.Create(_database.OwnerConnectionString), IdleMax, _clock);
    }

    public async ValueTask DisposeAsync()
    {
        await _connections.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task The_one_that_came_back_last_is_lent_first()
    {
        var opened = await UseTogetherAsync();
        Assert.Equal(Together, opened.Distinct().Count());
        Assert.Equal(Together, _connections.RestingCount);

        var last = await ProcessAsync();
        for (var unit = 0; unit < 20; unit++) Assert.Equal(last, await ProcessAsync());
        Assert.Equal(Together, _connections.RestingCount);
    }

    [Fact]
    public async Task Those_that_nobody_needed_for_the_idle_time_are_closed_and_the_busy_one_stays()
    {
        await UseTogetherAsync();
        var busy = await ProcessAsync();
        for (var part = 0; part < 4; part++)
        {
            _clock.Advance(IdleMax / 2);
            Assert.Equal(busy, await ProcessAsync());
        }

        Assert.Equal(1, _connections.RestingCount);
        _clock.Advance(IdleMax * 2);
        Assert.Equal(0, _connections.RestingCount);
        await ProcessAsync();
        Assert.Equal(1, _connections.RestingCount);
    }

    [Fact]
    public async Task A_lost_one_takes_those_that_rest_with_it()
    {
        await UseTogetherAsync();
        await using (var other = await NpgsqlDataSource.Create(_database.SuperuserConnectionString).OpenConnectionAsync(Ct))
        {
            await Sql.RunAsync(other, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
        }

        var error = await Record.ExceptionAsync(ProcessAsync);
        Assert.IsAssignableFrom<NpgsqlException>(error);
        Assert.Equal(0, _connections.RestingCount);
        await ProcessAsync();
    }

    [Fact]
    public async Task One_that_was_found_lost_while_it_rested_is_lent_to_nobody()
    {
        var resting = await _connections.UseAsync(static connection => new ValueTask<NpgsqlConnection>(connection), Ct);
        await resting.CloseAsync();
        await ProcessAsync();
        Assert.Equal(1, _connections.RestingCount);
    }

    [Fact]
    public async Task One_whose_unit_failed_goes_back_to_the_driver_which_takes_back_what_was_not_committed()
    {
        await _connections.UseAsync(static connection => new ValueTask<long>(Sql.FirstAsync<long>(connection, "create table notes (text text); select count(*) from notes")), Ct);
        await Assert.ThrowsAsync<InvalidOperationException>(() => _connections.UseAsync<int>(
            static async connection =>
            {
                await Sql.RunAsync(connection, "begin");
                await Sql.RunAsync(connection, "insert into notes values ('half')");
                throw new InvalidOperationException("The unit changed its mind.");
            },
            Ct));
        Assert.Equal(0, await _connections.UseAsync(static connection => new ValueTask<long>(Sql.FirstAsync<long>(connection, "select count(*) from notes")), Ct));
    }

    [Fact]
    public async Task What_comes_back_after_the_end_is_closed()
    {
        await _connections.UseAsync(
            async connection =>
            {
                await _connections.DisposeAsync();
                return connection.ProcessID;
            },
            Ct);
        Assert.Equal(0, _connections.RestingCount);
    }

    private Task<int> ProcessAsync() => _connections.UseAsync(static connection => new ValueTask<int>(Sql.FirstAsync<int>(connection, "select pg_backend_pid()")), Ct);

    /// <summary>Several units at one moment: none gives its connection back before all have one.</summary>
    private async Task<int[]> UseTogetherAsync()
    {
        var all = new TaskCompletionSource();
        var begun = 0;
        return await Task.WhenAll(Enumerable.Range(0, Together).Select(_ => _connections.UseAsync(
            async connection =>
            {
                if (Interlocked.Increment(ref begun) == Together) all.SetResult();
                await all.Task.WaitAsync(Ct);
                return connection.ProcessID;
            },
            Ct)));
    }
}
