using Insula.Agents;
using Insula.Agents.Environments;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Insula.Storage.Tests.Postgres;

/// <summary>A database, and the storage on it; reopened at will.</summary>
internal sealed class PostgresHome(SharedPostgres postgres) : IAsyncDisposable
{
    private ServiceProvider? _services;

    public TestDatabase Database { get; private set; } = null!;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Whether it shares its database with other tests, which a test may that looks only at what it made.</summary>
    public bool Common { get; init; }

    /// <summary>A database that somebody else drops; null for one of its own.</summary>
    public TestDatabase? On { get; init; }

    public Func<PostgresOptions, PostgresOptions> Change { get; init; } = static options => options;

    public CapturedLog Log { get; } = new();

    public IServiceProvider Services => _services!;

    public T Get<T>()
        where T : notnull => _services!.GetRequiredService<T>();

    public async Task<PostgresHome> OpenAsync()
    {
        var ct = TestContext.Current.CancellationToken;
        Database ??= On ?? (Common ? await postgres.CommonDatabaseAsync(ct) : await postgres.CreateDatabaseAsync(ct));
        var options = Change(new PostgresOptions { Main = new Secret(Database.OwnerConnectionString) });
        var services = new ServiceCollection().AddLogging(logging => logging.AddProvider(Log)).AddMetrics().AddSingleton(Time).AddPostgresStorage(options).BuildServiceProvider();
        try
        {
            await services.GetRequiredService<PostgresStorage>().OpenAsync(ct);
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }

        _services = services;
        return this;
    }

    public async Task CloseAsync()
    {
        if (_services is null) return;
        await _services.DisposeAsync();
        _services = null;
    }

    public async Task<PostgresHome> ReopenAsync()
    {
        await CloseAsync();
        return await OpenAsync();
    }

    public async Task<Tenant> AddTenantAsync(Placement placement, Id<Tenant>? id = null, string server = PlacementOptions.MainServer)
    {
        var now = Time.GetUtcNow();
        var tenant = new Tenant(id ?? Id<Tenant>.New(), "test", null, "pro", placement, server, TenantStatus.Active, LimitOverrides.None, now, now, null, null);
        await Get<ITenantStorage>().PrepareAsync(tenant, TestContext.Current.CancellationToken);
        var record = new AuditRecord(tenant.Id, new Principal("operator", "test"), "tenant.create", tenant.Id.ToString(), null, now);
        await Get<ITenantDirectory>().AddAsync(tenant, null, record, TestContext.Current.CancellationToken);
        return tenant;
    }

    public static AgentEnvironment NewEnvironment(string name)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new(Id<AgentEnvironment>.New(), name, null, System.Text.Json.JsonDocument.Parse("{}").RootElement, new Dictionary<string, string>(), now, now, null);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        if (Database is not null && !Common && On is null) await Database.DisposeAsync();
    }
}

/// <summary>Stores that make the tenant of a scope, in one placement, before they open its store.</summary>
internal sealed class PlacedStores(PostgresHome home, Placement placement) : ITenantStores
{
    public async ValueTask<ITenantStore> OpenAsync(TenantScope scope, CancellationToken ct)
    {
        if (await home.Get<ITenantDirectory>().FindAsync(scope.Tenant, ct) is null) await home.AddTenantAsync(placement, scope.Tenant);
        return await home.Get<ITenantStores>().OpenAsync(scope, ct);
    }
}
