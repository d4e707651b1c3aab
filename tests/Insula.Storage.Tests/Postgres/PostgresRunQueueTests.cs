using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Control;
using Insula.Storage.Engine;
using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresRunQueueTests(SharedPostgres postgres) : RunQueueContract
{
    private readonly PostgresHome _home = new(postgres);

    protected override TimeProvider Time => TimeProvider.System;

    [Fact]
    public async Task A_lease_outlives_the_storage_that_took_it_until_its_time_is_over()
    {
        var entry = new QueuedSession(Id<Tenant>.New(), Id<Session>.New());
        await Queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);
        await Queue.TryLeaseAsync(entry, A, TimeSpan.FromMilliseconds(500), Ct);
        Stores = await ReopenAsync();
        Assert.Null(await Queue.TryLeaseAsync(entry, B, TimeSpan.FromHours(1), Ct));
        await PassAsync(TimeSpan.FromMilliseconds(500));
        Assert.NotNull(await Queue.TryLeaseAsync(entry, B, TimeSpan.FromHours(1), Ct));
    }

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override async Task<IServiceProvider> ReopenAsync() => (await _home.ReopenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();

    /// <summary>The time that counts is the server's, so it is the server that waits.</summary>
    protected override async Task PassAsync(TimeSpan time)
    {
        await using var connection = new NpgsqlConnection(_home.Database.SuperuserConnectionString);
        await connection.OpenAsync(Ct);
        await using var command = new NpgsqlCommand("select pg_sleep($1)", connection) { Parameters = { new() { Value = time.TotalSeconds } } };
        await command.ExecuteNonQueryAsync(Ct);
    }

    /// <summary>Every node's clock is wrong, and each in another way.</summary>
    protected override IRunQueue QueueOf(int node)
    {
        var clock = new ManualClock();
        clock.ShiftWallClock(TimeSpan.FromHours((node - 2) * 1000));
        return new RunQueue(_home.Get<ControlDatabase>(), clock);
    }
}
