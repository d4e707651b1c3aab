using Insula.Agents;
using Insula.Storage.Tests.Contracts;

namespace Insula.Storage.Tests.Sqlite;

public sealed class SqliteAgentsTests : AgentsContract
{
    private readonly SqliteHome _home = new();

    protected override Task<ITenantStores> OpenAsync() => _home.OpenStoresAsync();

    protected override Task<ITenantStores> ReopenAsync() => _home.ReopenStoresAsync();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SqliteSessionsTests : SessionsContract
{
    private readonly SqliteHome _home = new();

    protected override Task<ITenantStores> OpenAsync() => _home.OpenStoresAsync();

    protected override Task<ITenantStores> ReopenAsync() => _home.ReopenStoresAsync();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SqliteEventLogTests : EventLogContract
{
    private readonly SqliteHome _home = new();

    protected override Task<ITenantStores> OpenAsync() => _home.OpenStoresAsync();

    protected override Task<ITenantStores> ReopenAsync() => _home.ReopenStoresAsync();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SqliteKnowledgeTests : KnowledgeContract
{
    private readonly SqliteHome _home = new();

    protected override Task<ITenantStores> OpenAsync() => _home.OpenStoresAsync();

    protected override Task<ITenantStores> ReopenAsync() => _home.ReopenStoresAsync();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SqliteForksTests : ForksContract
{
    private readonly SqliteHome _home = new();

    protected override Task<ITenantStores> OpenAsync() => _home.OpenStoresAsync();

    protected override Task<ITenantStores> ReopenAsync() => _home.ReopenStoresAsync();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SqliteRunsTests : RunsContract
{
    private readonly SqliteHome _home = new();

    protected override Task<ITenantStores> OpenAsync() => _home.OpenStoresAsync();

    protected override Task<ITenantStores> ReopenAsync() => _home.ReopenStoresAsync();

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
