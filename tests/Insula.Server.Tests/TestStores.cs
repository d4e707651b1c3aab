using System.Collections.Concurrent;
using Insula.TestKit.Hosting;
using Insula.TestKit.Postgres;

namespace Insula.Server.Tests;

/// <summary>What the servers of a test class keep their data in: what works on one store works on the other.</summary>
public abstract class TestStore
{
    /// <summary>A placement that this store does not have.</summary>
    public abstract string MissingPlacement { get; }

    public Task<TestHost> StartAsync(CancellationToken ct) => StartAsync(new TestHostOptions(), ct);

    /// <summary>A server with nothing in it yet.</summary>
    public abstract Task<TestHost> StartAsync(TestHostOptions options, CancellationToken ct);
}

/// <summary>The embedded store, in a folder of each server's own.</summary>
public sealed class EmbeddedStore : TestStore
{
    public override string MissingPlacement => "database";

    public override Task<TestHost> StartAsync(TestHostOptions options, CancellationToken ct) => TestHost.StartAsync(options, ct);
}

/// <summary>PostgreSQL, with a database for each server and its tenants in shared tables.</summary>
public sealed class PostgresStore(SharedPostgres postgres) : TestStore, IAsyncDisposable
{
    private readonly ConcurrentBag<TestDatabase> _made = [];

    public override string MissingPlacement => "file";

    public override async Task<TestHost> StartAsync(TestHostOptions options, CancellationToken ct)
    {
        var database = await postgres.CreateDatabaseAsync(ct);
        _made.Add(database);
        return await TestHost.StartAsync(options with { Database = database.OwnerConnectionString, Placement = "shared" }, ct);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _made) await database.DisposeAsync();
    }
}
