using Insula.Storage.Tests.Contracts;
using Insula.TestKit;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteBudgetsTests : BudgetsContract
{
    private readonly ManualClock _clock = new();
    private readonly SqliteHome _home;

    public SqliteBudgetsTests() => _home = new() { Time = _clock };

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();

    protected override Task EndMonthAsync()
    {
        _clock.Advance(TimeSpan.FromDays(40));
        return Task.CompletedTask;
    }
}
