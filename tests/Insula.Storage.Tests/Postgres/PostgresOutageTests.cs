using Insula.Storage.Engine;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

/// <summary>
/// A database that goes away and comes back. Connections that were open before are dead, and nobody knows until he uses
/// one. A read may be made again; a write whose commit was sent may have happened, and is never made again.
/// </summary>
public sealed class PostgresOutageTests(SharedPostgres shared) : IAsyncLifetime
{
    /// <summary>As many as a tenant's own database has.</summary>
    private const int Connections = 3;

    private PostgresServer _server = null!;
    private PostgresHome _home = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresServer.StartAsync(new PostgresServerOptions { Fsync = false }, Ct);
        _home = await new PostgresHome(shared) { On = await _server.CreateDatabaseAsync(Ct) }.OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _home.CloseAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(Placement.Shared)]
    [InlineData(Placement.Schema)]
    [InlineData(Placement.Database)]
    public async Task After_a_restart_of_PostgreSQL_no_read_fails_and_at_most_one_write(Placement placement)
    {
        var tenant = await _home.AddTenantAsync(placement);
        using var lease = await _home.Get<PostgresStorage>().ServerOf("main").LeaseAsync(tenant.Id, placement, Ct);
        var database = lease.Database;
        await FillPoolAsync(database);
        await _server.KillAsync(Ct);
        await _server.RestartAsync(Ct);

        for (var i = 0; i < 2 * Connections; i++) Assert.Equal(1, await ReadAsync(database));

        await FillPoolAsync(database);
        await _server.KillAsync(Ct);
        await _server.RestartAsync(Ct);
        var refused = 0;
        for (var i = 0; i < 2 * Connections; i++) refused += await TryWriteAsync(database) ? 0 : 1;
        Assert.InRange(refused, 0, 1);
    }

    [Fact]
    public async Task While_PostgreSQL_is_away_everything_is_refused_with_when_to_come_again()
    {
        var tenant = await _home.AddTenantAsync(Placement.Shared);
        using var lease = await _home.Get<PostgresStorage>().ServerOf("main").LeaseAsync(tenant.Id, Placement.Shared, Ct);
        Assert.Null(await _home.Get<PostgresStorage>().CheckAsync(Ct));
        await _server.KillAsync(Ct);

        foreach (var attempt in (Func<Task>[])[() => ReadAsync(lease.Database), () => lease.Database.ChangeAsync("delete from agents", Ct), () => _home.AddTenantAsync(Placement.Schema)])
        {
            var refusal = await Assert.ThrowsAsync<FaultException>(attempt);
            Assert.Equal((FaultKind.Unavailable, "store_unavailable"), (refusal.Fault.Kind, refusal.Fault.Code));
            Assert.NotNull(refusal.Fault.RetryAfter);
        }

        Assert.Equal("store_unavailable", (await _home.Get<PostgresStorage>().CheckAsync(Ct))?.Code);
        await _server.RestartAsync(Ct);
        Assert.Null(await _home.Get<PostgresStorage>().CheckAsync(Ct));
    }

    private static Task<int> ReadAsync(Database database) => database.FirstAsync("select 1", static row => row.GetInt32(0), Ct);

    /// <summary>So many units at once that each has a connection of its own, which stays in the pool.</summary>
    private static async Task FillPoolAsync(Database database)
    {
        var (entered, all) = (0, new TaskCompletionSource());
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => database.ReadAsync(
            async link =>
            {
                var one = await link.FirstAsync("select 1", static row => row.GetInt32(0));
                if (Interlocked.Increment(ref entered) == Connections) all.SetResult();
                await all.Task;
                return one;
            },
            Ct)));
    }

    private static async Task<bool> TryWriteAsync(Database database)
    {
        try
        {
            await database.ChangeAsync("delete from agents where agent_id = 'none'", Ct);
            return true;
        }
        catch (FaultException error) when (error.Fault.Code == "store_unavailable")
        {
            return false;
        }
    }
}
