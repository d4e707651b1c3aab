using Insula.Storage.Tests.Contracts;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteWebhooksTests : WebhooksContract
{
    private readonly SqliteHome _home = new();

    protected override async Task<IServiceProvider> OpenAsync() => (await _home.OpenAsync()).Services;

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
