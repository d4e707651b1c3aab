using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

/// <summary>The quota of runs at work, which refuses nobody and lets wait: however many claims come at once, from one node or three.</summary>
public sealed class PostgresConcurrentRunsTests(SharedPostgres postgres)
{
    private const int Calls = 500;
    private const int Allowed = 4;

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Five_hundred_claims_at_once_with_room_for_one_run_take_one_and_one_that_ends_makes_room(int nodes)
    {
        await using var home = await NewHome(on: null).OpenAsync();
        List<PostgresHome> others = [];
        for (var i = 1; i < nodes; i++) others.Add(await NewHome(home.Database).OpenAsync());
        try
        {
            await OneOfManyAsync([.. others.Prepend(home).Select(static one => (Id<Node>.New(), one.Get<IRunQueue>()))]);
        }
        finally
        {
            foreach (var other in others) await other.DisposeAsync();
        }
    }

    private static async Task OneOfManyAsync((Id<Node> Id, IRunQueue Queue)[] nodes)
    {
        var tenant = Id<Tenant>.New();
        var queue = nodes[0].Queue;
        await queue.ShareAsync(tenant, new RunShare(Allowed), Ct);
        await Task.WhenAll(Enumerable.Range(0, Calls).Select(_ => queue.WakeAsync(tenant, Id<Session>.New(), default, Ct)));
        List<ClaimedSession> held = [];
        for (var i = 1; i < Allowed; i++) held.Add((await ClaimAsync(i))!);

        var last = await OneAsync(Calls);
        Assert.Equal(Allowed, last.TenantHolds);
        Assert.Null(await ClaimAsync(0));
        Assert.Null(await nodes[1 % nodes.Length].Queue.SettleAsync(held[0].Entry, nodes[1 % nodes.Length].Id, held[0].Lease.Mark, new LeaseEnd(1), Ct));
        var next = await OneAsync(50);
        Assert.DoesNotContain(next.Entry, held.Append(last).Select(static claimed => claimed.Entry));
        Assert.Equal(new QueueDepth(Calls - 1 - Allowed, Allowed, 0), await queue.CountAsync(Ct));

        async Task<ClaimedSession> OneAsync(int calls) =>
            Assert.Single((await Task.WhenAll(Enumerable.Range(0, calls).Select(call => Task.Run(() => ClaimAsync(call), Ct)))).OfType<ClaimedSession>());

        Task<ClaimedSession?> ClaimAsync(int call) => nodes[call % nodes.Length].Queue.ClaimAsync(nodes[call % nodes.Length].Id, Hour, new ClaimOptions(Minima: call % 2 == 0), Ct);
    }

    /// <summary>Calls queue for connections for as long as it takes.</summary>
    private PostgresHome NewHome(TestDatabase? on) => new(postgres) { On = on, Change = static options => options with { ConnectionWait = TimeSpan.FromMinutes(1) } };
}
