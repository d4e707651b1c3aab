using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.RateLimits;
using Insula.TestKit.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteRateGrantsTests : RateGrantsContract
{
    private readonly SqliteHome _home = new();

    protected override async Task<IRateGrants> OpenAsync() => (await _home.OpenAsync()).Services.GetRequiredService<IRateGrants>();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

/// <summary>The laws of the rate limit go by this one, so it has to behave as the stores do.</summary>
public sealed class MemoryRateGrantsTests : RateGrantsContract
{
    protected override Task<IRateGrants> OpenAsync() => Task.FromResult<IRateGrants>(new MemoryGrants(TimeProvider.System));

    protected override ValueTask CloseAsync() => ValueTask.CompletedTask;
}
