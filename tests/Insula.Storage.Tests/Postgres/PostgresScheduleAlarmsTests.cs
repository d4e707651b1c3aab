using Insula.Storage.Tests.Contracts;
using Insula.TestKit;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresScheduleAlarmsTests : ScheduleAlarmsContract
{
    private readonly PostgresHome _home;

    /// <summary>The node's clock is wrong by years: only the server's counts.</summary>
    public PostgresScheduleAlarmsTests(SharedPostgres postgres) => _home = new(postgres) { Common = true, Time = new ManualClock() };

    protected override DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
