using Insula.Storage.Tests.Contracts;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresControlStoreTests(SharedPostgres postgres) : ControlStoreContract
{
    private readonly PostgresHome _home = new(postgres);
    private readonly List<PostgresHome> _others = [];

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override async Task<IServiceProvider> ReopenAsync() => (await _home.ReopenAsync()).Services;

    protected override async Task<IReadOnlyList<IServiceProvider>> OtherNodesAsync()
    {
        for (var i = 0; i < 2; i++) _others.Add(await new PostgresHome(postgres) { On = _home.Database }.OpenAsync());
        return [.. _others.Select(static other => other.Services)];
    }

    protected override async ValueTask CloseAsync()
    {
        foreach (var other in _others) await other.DisposeAsync();
        await _home.DisposeAsync();
    }
}
