using Insula.TestKit;
using Insula.TestKit.Hosting;
using Insula.TestKit.Postgres;

namespace Insula.Server.Tests.Isolation;

/// <summary>Victim and strangers in files of their own.</summary>
public sealed class TenantsInFiles() : TwoTenants("file")
{
    private readonly TempFolder _folder = new();

    protected override Task<TestHost> StartAsync(TestHostOptions options, CancellationToken ct) => TestHost.StartAsync(options with { DataFolder = _folder.Path }, ct);

    protected override Task<IReadOnlyList<string>> StoredOfAsync(string tenant, CancellationToken ct) => Task.FromResult(StoredRows.OfFolder(_folder.Path, tenant));

    protected override ValueTask RemoveAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>Victim and strangers in one PostgreSQL database and what belongs to it.</summary>
public abstract class TenantsInDatabase(SharedPostgres postgres, string placement, params string[] elsewhere) : TwoTenants(placement, elsewhere)
{
    private TestDatabase? _database;

    protected override async Task<TestHost> StartAsync(TestHostOptions options, CancellationToken ct)
    {
        _database = await postgres.CreateDatabaseAsync(ct);
        return await TestHost.StartAsync(options with { Database = _database.OwnerConnectionString }, ct);
    }

    protected override Task<IReadOnlyList<string>> StoredOfAsync(string tenant, CancellationToken ct) => StoredRows.OfDatabaseAsync(_database!, tenant, ct);

    protected override async ValueTask RemoveAsync()
    {
        if (_database is not null) await _database.DisposeAsync();
    }
}

public sealed class TenantsInSharedTables(SharedPostgres postgres) : TenantsInDatabase(postgres, "shared", "schema", "database");

public sealed class TenantsInSchemas(SharedPostgres postgres) : TenantsInDatabase(postgres, "schema", "shared", "database");

public sealed class TenantsInOwnDatabases(SharedPostgres postgres) : TenantsInDatabase(postgres, "database", "shared", "schema");
