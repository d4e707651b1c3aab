using Insula.Agents;
using Insula.Storage.Tests.Contracts;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

/// <summary>A placement on the server that the suite shares.</summary>
internal sealed class PostgresPlace(SharedPostgres postgres, Placement placement, TimeSpan? wait = null) : TenantPlace
{
    private readonly PostgresHome _home = new(postgres)
    {
        Common = true,
        Change = options => wait is { } longest ? options with { ConnectionWait = longest } : options,
    };

    public override async Task<ITenantStores> OpenAsync() => new PlacedStores(await _home.OpenAsync(), placement);

    public override async Task<ITenantStores> ReopenAsync() => new PlacedStores(await _home.ReopenAsync(), placement);

    public override ValueTask DisposeAsync() => _home.DisposeAsync();
}

public sealed class SharedAgentsTests(SharedPostgres postgres) : AgentsContract(new PostgresPlace(postgres, Placement.Shared));

public sealed class SharedSessionsTests(SharedPostgres postgres) : SessionsContract(new PostgresPlace(postgres, Placement.Shared));

public sealed class SharedEventLogTests(SharedPostgres postgres) : EventLogContract(new PostgresPlace(postgres, Placement.Shared));

public sealed class SharedRunsTests(SharedPostgres postgres) : RunsContract(new PostgresPlace(postgres, Placement.Shared));

public sealed class SharedForksTests(SharedPostgres postgres) : ForksContract(new PostgresPlace(postgres, Placement.Shared));

public sealed class SharedSchedulesTests(SharedPostgres postgres) : SchedulesContract(new PostgresPlace(postgres, Placement.Shared));

public sealed class SharedKnowledgeTests(SharedPostgres postgres) : KnowledgeContract(new PostgresPlace(postgres, Placement.Shared));

public sealed class SchemaAgentsTests(SharedPostgres postgres) : AgentsContract(new PostgresPlace(postgres, Placement.Schema));

public sealed class SchemaSessionsTests(SharedPostgres postgres) : SessionsContract(new PostgresPlace(postgres, Placement.Schema));

public sealed class SchemaEventLogTests(SharedPostgres postgres) : EventLogContract(new PostgresPlace(postgres, Placement.Schema));

public sealed class SchemaRunsTests(SharedPostgres postgres) : RunsContract(new PostgresPlace(postgres, Placement.Schema));

public sealed class SchemaForksTests(SharedPostgres postgres) : ForksContract(new PostgresPlace(postgres, Placement.Schema));

public sealed class SchemaSchedulesTests(SharedPostgres postgres) : SchedulesContract(new PostgresPlace(postgres, Placement.Schema));

public sealed class SchemaKnowledgeTests(SharedPostgres postgres) : KnowledgeContract(new PostgresPlace(postgres, Placement.Schema));

public sealed class DatabaseAgentsTests(SharedPostgres postgres) : AgentsContract(new PostgresPlace(postgres, Placement.Database));

public sealed class DatabaseSessionsTests(SharedPostgres postgres) : SessionsContract(new PostgresPlace(postgres, Placement.Database));

public sealed class DatabaseEventLogTests(SharedPostgres postgres) : EventLogContract(new PostgresPlace(postgres, Placement.Database));

public sealed class DatabaseRunsTests(SharedPostgres postgres) : RunsContract(new PostgresPlace(postgres, Placement.Database));

public sealed class DatabaseForksTests(SharedPostgres postgres) : ForksContract(new PostgresPlace(postgres, Placement.Database));

public sealed class DatabaseSchedulesTests(SharedPostgres postgres) : SchedulesContract(new PostgresPlace(postgres, Placement.Database));

public sealed class DatabaseKnowledgeTests(SharedPostgres postgres) : KnowledgeContract(new PostgresPlace(postgres, Placement.Database));

/// <summary>Three nodes on one placement. Their calls queue for connections for as long as it takes.</summary>
internal static class ThreeNodes
{
    public static TenantPlace[] On(SharedPostgres postgres, Placement placement) =>
        [.. Enumerable.Range(0, 3).Select(_ => new PostgresPlace(postgres, placement, TimeSpan.FromMinutes(1)))];
}

public sealed class SharedQuotasTests(SharedPostgres postgres) : QuotasContract(ThreeNodes.On(postgres, Placement.Shared));

public sealed class SchemaQuotasTests(SharedPostgres postgres) : QuotasContract(ThreeNodes.On(postgres, Placement.Schema));

public sealed class DatabaseQuotasTests(SharedPostgres postgres) : QuotasContract(ThreeNodes.On(postgres, Placement.Database));
