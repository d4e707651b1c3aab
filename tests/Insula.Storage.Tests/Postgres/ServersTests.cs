using Insula.Agents;
using Insula.Storage.Postgres;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Npgsql;

namespace Insula.Storage.Tests.Postgres;

/// <summary>Tenants on more servers than the main one. A second database stands for a second server: Insula knows no difference.</summary>
public sealed class ServersTests(SharedPostgres postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Placement.Shared)]
    [InlineData(Placement.Schema)]
    [InlineData(Placement.Database)]
    public async Task A_tenant_lives_on_the_server_that_its_row_names_and_on_no_other(Placement placement)
    {
        await using var other = await postgres.CreateDatabaseAsync(Ct);
        await using var home = await new PostgresHome(postgres) { Change = options => options with { Servers = Named(other) } }.OpenAsync();
        var tenant = await home.AddTenantAsync(placement, server: "eu1");
        await using (var store = await home.Get<ITenantStores>().OpenAsync(SystemTask.Provision.For(tenant.Id), Ct))
            await store.Environments.AddAsync(PostgresHome.NewEnvironment("there"), Ct);

        var (database, schema) = placement switch
        {
            Placement.Shared => (other.Database, PgNames.TenantsSchema),
            Placement.Schema => (other.Database, PgNames.SchemaOf(tenant.Id)),
            _ => (PgNames.DatabaseOf(other.Database, tenant.Id), PgNames.TenantsSchema),
        };
        Assert.Equal(1, await CountAsync(other, database, $"{schema}.environments where tenant_id = '{tenant.Id}'"));
        Assert.Equal(0, await CountAsync(home.Database, home.Database.Database, $"{PgNames.TenantsSchema}.environments"));
        Assert.Equal(0, await CountAsync(other, other.Database, $"pg_namespace where nspname = '{PgNames.ControlSchema}'"));
    }

    [Fact]
    public async Task A_tenant_whose_server_is_no_longer_named_is_refused_with_what_to_do_and_the_others_go_on()
    {
        await using var other = await postgres.CreateDatabaseAsync(Ct);
        var servers = Named(other);
        await using var home = await new PostgresHome(postgres) { Change = options => options with { Servers = servers } }.OpenAsync();
        var there = await home.AddTenantAsync(Placement.Shared, server: "eu1");
        var here = await home.AddTenantAsync(Placement.Shared);
        servers = new Dictionary<string, Secret>();
        await home.ReopenAsync();

        var refused = await Assert.ThrowsAsync<FaultException>(async () => await home.Get<ITenantStores>().OpenAsync(SystemTask.Provision.For(there.Id), Ct));
        Assert.Equal("database_server_unknown", refused.Fault.Code);
        await using var store = await home.Get<ITenantStores>().OpenAsync(SystemTask.Provision.For(here.Id), Ct);
        Assert.Empty((await store.Environments.ListAsync(new(true, Agents.Sessions.TimeRange.Any), new(10, null), Ct)).Items);
    }

    [Fact]
    public async Task Tenants_databases_in_use_are_bounded_and_idle_ones_make_room()
    {
        await using var home = await new PostgresHome(postgres) { Change = options => options with { OpenDatabasesMax = 2, ConnectionWait = TimeSpan.Zero } }.OpenAsync();
        var tenants = new[] { await home.AddTenantAsync(Placement.Database), await home.AddTenantAsync(Placement.Database), await home.AddTenantAsync(Placement.Database) };
        var stores = home.Get<ITenantStores>();
        var first = await stores.OpenAsync(SystemTask.Provision.For(tenants[0].Id), Ct);
        var second = await stores.OpenAsync(SystemTask.Provision.For(tenants[1].Id), Ct);

        Assert.Equal("store_busy", (await Assert.ThrowsAsync<FaultException>(async () => await stores.OpenAsync(SystemTask.Provision.For(tenants[2].Id), Ct))).Fault.Code);
        await first.DisposeAsync();
        for (var round = 0; round < 3; round++)
        {
            foreach (var tenant in new[] { tenants[2], tenants[0] })
            {
                await using var store = await stores.OpenAsync(SystemTask.Provision.For(tenant.Id), Ct);
                await store.Environments.AddAsync(PostgresHome.NewEnvironment($"round {round}"), Ct);
                await second.Environments.AddAsync(PostgresHome.NewEnvironment($"round {round}"), Ct);
            }
        }

        Assert.Equal(6, (await second.Environments.ListAsync(new(true, Agents.Sessions.TimeRange.Any), new(10, null), Ct)).Items.Count);
        await second.DisposeAsync();
    }

    [Fact]
    public async Task One_tenant_cannot_hold_all_connections()
    {
        await using var home = await new PostgresHome(postgres)
        {
            Change = options => options with { ConnectionsMax = 4, ControlConnectionsMax = 4, TenantConnectionsMax = 2, ConnectionWait = TimeSpan.FromMilliseconds(200) },
        }.OpenAsync();
        var (greedy, modest) = (await home.AddTenantAsync(Placement.Shared), await home.AddTenantAsync(Placement.Shared));
        var server = home.Get<PostgresStorage>().ServerOf(PlacementOptions.MainServer);
        using var greedyLease = await server.LeaseAsync(greedy.Id, Placement.Shared, Ct);
        using var modestLease = await server.LeaseAsync(modest.Id, Placement.Shared, Ct);
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var held = new List<Task>();
        var inside = new SemaphoreSlim(0);
        for (var i = 0; i < 2; i++)
        {
            held.Add(greedyLease.Database.ReadAsync(
                async link =>
                {
                    _ = await link.FirstAsync("select 1", static row => row.GetInt32(0));
                    inside.Release();
                    await hold.Task;
                    return true;
                },
                Ct));
        }

        await inside.WaitAsync(Ct);
        await inside.WaitAsync(Ct);
        Assert.Equal("store_busy", (await Assert.ThrowsAsync<FaultException>(() => greedyLease.Database.FirstAsync("select 1", static row => row.GetInt32(0), Ct))).Fault.Code);
        Assert.Equal(1, await modestLease.Database.FirstAsync("select 1", static row => row.GetInt32(0), Ct));
        hold.SetResult();
        await Task.WhenAll(held);
        Assert.Equal(1, await greedyLease.Database.FirstAsync("select 1", static row => row.GetInt32(0), Ct));
    }

    private static Dictionary<string, Secret> Named(TestDatabase other) => new(StringComparer.Ordinal) { ["eu1"] = new Secret(other.OwnerConnectionString) };

    private static async Task<long> CountAsync(TestDatabase server, string database, string from)
    {
        await using var superuser = new NpgsqlConnection(server.Server.ConnectionString(database));
        await superuser.OpenAsync(Ct);
        await using var count = new NpgsqlCommand($"select count(*) from {from}", superuser);
        return (long)(await count.ExecuteScalarAsync(Ct))!;
    }
}
