using Insula.Storage.Tests.Contracts;
using Insula.TestKit;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

/// <summary>The platform's budget is everybody's, so these tests have a database of their own, and each finds it empty.</summary>
public sealed class PostgresBudgetsTests(PostgresBudgetsTests.OwnDatabase own) : BudgetsContract, IClassFixture<PostgresBudgetsTests.OwnDatabase>
{
    protected override async Task<IServiceProvider> OpenAsync()
    {
        await own.RunAsync("truncate insula_control.budgets, insula_control.budget_holds");
        return own.Services;
    }

    protected override ValueTask CloseAsync() => ValueTask.CompletedTask;

    /// <summary>Nobody sets the server's clock, so what stands is made older.</summary>
    protected override Task EndMonthAsync() => own.RunAsync("update insula_control.budgets set period_start = period_start - 40 * 864000000000 where period <> 'life'");

    public sealed class OwnDatabase(SharedPostgres postgres) : IAsyncLifetime
    {
        /// <summary>The node's clock is wrong by years: only the server's counts.</summary>
        private readonly PostgresHome _home = new(postgres) { Time = new ManualClock() };

        public IServiceProvider Services => _home.Services;

        public async ValueTask InitializeAsync() => await _home.OpenAsync();

        public ValueTask DisposeAsync() => _home.DisposeAsync();

        public async Task RunAsync(string sql)
        {
            await using var outside = await Outside.OpenAsync(_home.Database);
            await outside.RunAsync(sql);
        }
    }
}
