using System.Collections.Concurrent;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage.Postgres;
using Insula.Storage.Tests.Contracts;
using Insula.Storage.Tests.Postgres.Walls;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

/// <summary>The turns of nodes that share a store.</summary>
public sealed class PostgresTurnsTests(SharedPostgres postgres) : FairnessContract
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly PostgresHome _home = new(postgres);

    protected override (int Cases, int Turns) Effort => (8, 1_600);

    private IRunQueue Queue => _home.Get<IRunQueue>();

    public override async ValueTask InitializeAsync() => await _home.OpenAsync();

    public override ValueTask DisposeAsync() => _home.DisposeAsync();

    /// <summary>As many nodes as there are CPUs would be: each pulls as fast as it can, and counts what it has.</summary>
    [Fact]
    public async Task No_tenant_has_more_workers_over_all_nodes_than_it_may()
    {
        var tenants = Enumerable.Range(1, 4).Select(static limit => (Id: Id<Tenant>.New(), Limit: limit)).ToDictionary(static tenant => tenant.Id, static tenant => tenant.Limit);
        var entries = tenants.Keys.SelectMany(static tenant => Enumerable.Range(0, 40).Select(_ => new QueuedSession(tenant, Id<Session>.New()))).ToList();
        foreach (var (tenant, limit) in tenants) await Queue.ShareAsync(tenant, new RunShare(limit), Ct);
        foreach (var entry in entries) await Queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);
        var held = tenants.Keys.ToDictionary(static tenant => tenant, static _ => new int[1]);
        var most = new ConcurrentDictionary<Id<Tenant>, int>();
        var started = new ConcurrentBag<QueuedSession>();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(
            async () =>
            {
                var node = Id<Node>.New();
                while (started.Count < entries.Count)
                {
                    if (await Queue.ClaimAsync(node, Hour, new ClaimOptions(Minima: true), Ct) is not { } claimed) continue;
                    started.Add(claimed.Entry);
                    var now = Interlocked.Increment(ref held[claimed.Entry.Tenant][0]);
                    most.AddOrUpdate(claimed.Entry.Tenant, now, (_, before) => Math.Max(before, now));
                    await Queue.ProgressedAsync(claimed.Entry, node, Ct);
                    Interlocked.Decrement(ref held[claimed.Entry.Tenant][0]);
                    await Queue.SettleAsync(claimed.Entry, node, claimed.Lease.Mark, new LeaseEnd(0.01), Ct);
                }
            },
            Ct)));
        Assert.Equal(entries.Count, started.Distinct().Count());
        Assert.Equal(entries.Count, started.Count);
        Assert.All(most, pair => Assert.InRange(pair.Value, 1, tenants[pair.Key]));
        Assert.Contains(most, pair => pair.Value > 1);
    }

    [Fact]
    public async Task What_a_node_heard_of_is_left_to_it_for_a_moment_and_what_has_no_share_yet_is_found()
    {
        var entry = new QueuedSession(Id<Tenant>.New(), Id<Session>.New());
        await Queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);
        await RunAsync("truncate run_shares");
        var left = new ClaimOptions(Minima: true, Age: Hour / 2);
        Assert.Null(await Queue.ClaimAsync(Id<Node>.New(), Hour, left, Ct));
        await RunAsync($"update run_queue set ready_at = ready_at - {Hour.Ticks}");
        var claimed = (await Queue.ClaimAsync(Id<Node>.New(), Hour, left, Ct))!;
        Assert.Equal(entry, claimed.Entry);
        Assert.InRange(claimed.Waited, Hour, Hour * 2);
    }

    [Fact]
    public async Task A_claim_counts_holders_that_died_and_passes_over_what_is_to_wait()
    {
        var (waits, dies) = (new QueuedSession(Id<Tenant>.New(), Id<Session>.New()), new QueuedSession(Id<Tenant>.New(), Id<Session>.New()));
        await Queue.WakeAsync(waits.Tenant, waits.Session, default, Ct);
        var node = Id<Node>.New();
        var first = (await Queue.ClaimAsync(node, Hour, default, Ct))!;
        await Queue.SettleAsync(waits, node, first.Lease.Mark, new LeaseEnd(0, Again: Hour), Ct);
        Assert.Null(await Queue.ClaimAsync(node, Hour, default, Ct));

        await Queue.WakeAsync(dies.Tenant, dies.Session, default, Ct);
        for (var died = 0; died < 3; died++)
        {
            var claimed = (await Queue.ClaimAsync(Id<Node>.New(), Hour, default, Ct))!;
            Assert.Equal((dies, died, 1), (claimed.Entry, claimed.Lease.Abandoned, claimed.TenantHolds));
            await RunAsync("update run_queue set lease_until = 1 where lease_until > 0");
        }
    }

    internal override async Task<Turns> StartAsync(int workers)
    {
        await RunAsync("truncate run_queue, run_shares");
        return new InStore(this, workers);
    }

    private async Task RunAsync(string sql)
    {
        await using var connection = await Sql.OpenAsync(_home.Database.SuperuserConnectionString);
        await Sql.RunAsync(connection, $"set search_path = {PgNames.ControlSchema}; {sql}");
    }

    /// <summary>Three nodes take turns at taking turns; each looks at minima as often as it should.</summary>
    private sealed class InStore(PostgresTurnsTests tests, int workers) : Turns
    {
        private readonly Id<Node>[] _nodes = [Id<Node>.New(), Id<Node>.New(), Id<Node>.New()];
        private readonly Dictionary<Id<Tenant>, RunShare> _told = [];
        private readonly Dictionary<QueuedSession, (Id<Node> Node, long Mark)> _held = [];
        private int _taken;

        public override Task ShareAsync(Id<Tenant> tenant, RunShare share)
        {
            _told[tenant] = share;
            return tests.Queue.ShareAsync(tenant, share, Ct);
        }

        public override async Task<QueuedSession?> NextAsync()
        {
            if (_held.Count == workers) return null;
            var node = _nodes[_taken % _nodes.Length];
            if (await tests.Queue.ClaimAsync(node, Hour, new ClaimOptions(FairOrder.LooksAtMinima(_taken)), Ct) is not { } claimed) return null;
            _taken++;
            _held.Add(claimed.Entry, (node, claimed.Lease.Mark));
            return claimed.Entry;
        }

        public override async Task EndAsync(QueuedSession entry, double cost)
        {
            _held.Remove(entry, out var held);
            Assert.Null(await tests.Queue.SettleAsync(entry, held.Node, held.Mark, new LeaseEnd(cost), Ct));
        }

        public override Task PassAsync(TimeSpan time) =>
            tests.RunAsync($"update run_queue set turn_at = turn_at - {time.Ticks}, ready_at = ready_at - {time.Ticks}");

        protected override async Task AddAsync(QueuedSession entry, RunShare share, int priority)
        {
            if (_told.GetValueOrDefault(entry.Tenant) != share) await ShareAsync(entry.Tenant, share);
            await tests.Queue.WakeAsync(entry.Tenant, entry.Session, new WakeOptions(priority), Ct);
        }
    }
}
