using Insula.Agents;
using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

public sealed class SharedAgentsTests(SharedPostgres postgres) : AgentsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Shared);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Shared);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SchemaAgentsTests(SharedPostgres postgres) : AgentsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Schema);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Schema);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class DatabaseAgentsTests(SharedPostgres postgres) : AgentsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Database);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Database);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SharedSessionsTests(SharedPostgres postgres) : SessionsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Shared);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Shared);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SchemaSessionsTests(SharedPostgres postgres) : SessionsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Schema);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Schema);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class DatabaseSessionsTests(SharedPostgres postgres) : SessionsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Database);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Database);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SharedEventLogTests(SharedPostgres postgres) : EventLogContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Shared);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Shared);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SchemaEventLogTests(SharedPostgres postgres) : EventLogContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Schema);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Schema);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class DatabaseEventLogTests(SharedPostgres postgres) : EventLogContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Database);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Database);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SharedForksTests(SharedPostgres postgres) : ForksContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Shared);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Shared);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SchemaForksTests(SharedPostgres postgres) : ForksContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Schema);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Schema);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class DatabaseForksTests(SharedPostgres postgres) : ForksContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Database);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Database);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SharedKnowledgeTests(SharedPostgres postgres) : KnowledgeContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Shared);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Shared);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SchemaKnowledgeTests(SharedPostgres postgres) : KnowledgeContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Schema);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Schema);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class DatabaseKnowledgeTests(SharedPostgres postgres) : KnowledgeContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Database);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Database);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SharedRunsTests(SharedPostgres postgres) : RunsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Shared);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Shared);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class SchemaRunsTests(SharedPostgres postgres) : RunsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Schema);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Schema);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}

public sealed class DatabaseRunsTests(SharedPostgres postgres) : RunsContract
{
    private readonly PostgresHome _home = new(postgres) { Common = true };

    protected override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), Placement.Database);

    protected override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), Placement.Database);

    protected override ValueTask CloseAsync() => _home.DisposeAsync();
}
