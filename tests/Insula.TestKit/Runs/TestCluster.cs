using Insula.Agents.Runs;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.TestKit.Runs;

/// <summary>
/// Several nodes on one store, in one process. Each has a clock of its own, and the store has one too: a node whose clock
/// stands still is one that hangs, and a store whose clock goes on lets its leases end.
/// </summary>
public sealed class TestCluster : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ServiceProvider _stores;
    private readonly List<RunHarness> _nodes = [];

    private TestCluster()
    {
        _stores = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(StoreClock)
            .AddSqliteStorage(new StorageOptions { DataFolder = _folder.Path })
            .BuildServiceProvider();
    }

    public ManualClock StoreClock { get; } = new();

    public TestWire Wire { get; } = new();

    public TenantScope Scope { get; } = SystemTask.Run.For(Id<Tenant>.New());

    public static async Task<TestCluster> StartAsync(CancellationToken ct)
    {
        var cluster = new TestCluster();
        await cluster._stores.GetRequiredService<SqliteStorage>().OpenAsync(ct);
        return cluster;
    }

    public IRunQueue Queue => _stores.GetRequiredService<IRunQueue>();

    /// <param name="queue">The queue as the node reaches it; null for the store's own.</param>
    public async Task<RunHarness> AddNodeAsync(CancellationToken ct, IRunQueue? queue = null)
    {
        var node = await RunHarness.StartAsync(
            services =>
            {
                Wire.AddNode(services, _stores);
                if (queue is not null) services.AddSingleton(queue);
            },
            time: null,
            Scope,
            ct);
        _nodes.Add(node);
        return node;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await _stores.DisposeAsync();
        _folder.Dispose();
    }
}
