using Insula.Storage.Statements;
using Insula.Storage.Tests.Contracts;
using Insula.TestKit;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteBudgetsTests : BudgetsContract
{
    private readonly ManualClock _clock = new();
    private readonly SqliteHome _home;

    public SqliteBudgetsTests() => _home = new() { Time = _clock };

    [Fact]
    public async Task Holds_that_end_are_found_by_their_keys()
    {
        using var link = SqliteHome.Look(Path.Combine(_home.Folder, "control.db"));
        var plan = await link.AllAsync($"explain query plan {BudgetSql.EndHoldsSqlite}", static row => row.GetString(3), ("@tenant_id", "t"), ("@holds", "[]"));
        Assert.Single(plan, static step => step.StartsWith("SEARCH budget_holds", StringComparison.Ordinal) && step.EndsWith("(tenant_id=? AND hold_id=?)", StringComparison.Ordinal));
        Assert.DoesNotContain(plan, static step => step.StartsWith("SCAN budget_holds", StringComparison.Ordinal));
    }

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();

    protected override Task EndMonthAsync()
    {
        _clock.Advance(TimeSpan.FromDays(40));
        return Task.CompletedTask;
    }
}
