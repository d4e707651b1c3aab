using Insula.Agents;
using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public sealed class SharedSchedulesTests(SharedPostgres postgres) : SchedulesContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Shared);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Shared);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SchemaSchedulesTests(SharedPostgres postgres) : SchedulesContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Schema);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Schema);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class DatabaseSchedulesTests(SharedPostgres postgres) : SchedulesContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Database);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Database);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class PostgresScheduleAlarmsTests : ScheduleAlarmsContract
{
    private readonly PostgresHome _home;

    /// <summary>The node's clock is wrong by years: only the server's counts.</summary>
    public PostgresScheduleAlarmsTests(SharedPostgres postgres) => _home = new(postgres) { Common = true, Time = new ManualClock() };

    protected override DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
