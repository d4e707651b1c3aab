namespace Insula.TestKit.Postgres;

/// <summary>
/// One PostgreSQL for all tests of an assembly, started by the first that asks. A test makes a database of its own on it:
/// <c>[assembly: AssemblyFixture(typeof(SharedPostgres))]</c>, then take it in the test class's constructor. A test that
/// kills PostgreSQL starts a <see cref="PostgresServer"/> of its own instead.
/// </summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    // Nothing of it outlives the tests, so no commit has to wait for the disk.
    private static readonly PostgresServerOptions Options = new() { ConnectionsMax = 300, Fsync = false };

    private readonly Lazy<Task<PostgresServer>> _server = new(static () => PostgresServer.StartAsync(Options, CancellationToken.None));
    private readonly Lazy<Task<TestDatabase>> _common;

    public SharedPostgres() => _common = new(() => CreateDatabaseAsync(CancellationToken.None));

    public Task<PostgresServer> ServerAsync(CancellationToken ct) => _server.Value.WaitAsync(ct);

    /// <summary>A database for tests that keep to objects of their own, made by the first of them that asks.</summary>
    public Task<TestDatabase> CommonDatabaseAsync(CancellationToken ct) => _common.Value.WaitAsync(ct);

    /// <summary>An empty database for one test.</summary>
    public async Task<TestDatabase> CreateDatabaseAsync(CancellationToken ct) => await (await ServerAsync(ct)).CreateDatabaseAsync(ct);

    public async ValueTask DisposeAsync()
    {
        if (_server.IsValueCreated) await (await _server.Value).DisposeAsync();
    }
}
