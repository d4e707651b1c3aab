using Insula.Storage.Tests.Contracts;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public sealed class PostgresWebhooksTests(SharedPostgres postgres) : WebhooksContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
