using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.RateLimits;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresRateGrantsTests : RateGrantsContract
{
    private readonly PostgresHome _home;

    /// <summary>The node's clock is wrong by years: only the server's counts.</summary>
    public PostgresRateGrantsTests(SharedPostgres postgres) => _home = new(postgres) { Common = true, Time = new ManualClock() };

    protected override async Task<IRateGrants> OpenAsync() => (await _home.OpenAsync()).Services.GetRequiredService<IRateGrants>();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
