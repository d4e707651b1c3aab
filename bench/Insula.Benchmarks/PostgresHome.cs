using Insula.Agents;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Benchmarks;

/// <summary>A throw-away PostgreSQL that waits for the disk, and the product's storage on it.</summary>
internal sealed class PostgresHome : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private PostgresHome(PostgresServer server, TestDatabase database, ServiceProvider services)
    {
        Server = server;
        Database = database;
        _services = services;
    }

    public PostgresServer Server { get; }

    public TestDatabase Database { get; }

    public PostgresStorage Storage => _services.GetRequiredService<PostgresStorage>();

    public ITenantStores Stores => _services.GetRequiredService<ITenantStores>();

    public IBudgetStore Budgets => _services.GetRequiredService<IBudgetStore>();

    public static async Task<PostgresHome> StartAsync(CancellationToken ct)
    {
        var server = await PostgresServer.StartAsync(new PostgresServerOptions { SharedBuffers = "256MB", ConnectionsMax = 200 }, ct);
        var database = await server.CreateDatabaseAsync(ct);
        var services = new ServiceCollection().AddLogging().AddPostgresStorage(new PostgresOptions { Main = new Secret(database.OwnerConnectionString) }).BuildServiceProvider();
        await services.GetRequiredService<PostgresStorage>().OpenAsync(ct);
        return new PostgresHome(server, database, services);
    }

    public async Task<Tenant> AddTenantAsync(Placement placement, CancellationToken ct)
    {
        var now = TimeProvider.System.GetUtcNow();
        var tenant = new Tenant(Id<Tenant>.New(), "bench", null, "pro", placement, PlacementOptions.MainServer, TenantStatus.Active, LimitOverrides.None, now, now, null, null);
        await _services.GetRequiredService<ITenantStorage>().PrepareAsync(tenant, ct);
        await _services.GetRequiredService<ITenantDirectory>().AddAsync(tenant, null, new AuditRecord(tenant.Id, new Principal("operator", "bench"), "tenant.create", tenant.Id.ToString(), null, now), ct);
        return tenant;
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await Server.DisposeAsync();
    }
}
