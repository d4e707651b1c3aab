using Insula.Storage.Tests.Contracts;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresControlStoreTests(SharedPostgres postgres) : ControlStoreContract
{
    private readonly PostgresHome _home = new(postgres);

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override async Task<IServiceProvider> ReopenAsync() => (await _home.ReopenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
