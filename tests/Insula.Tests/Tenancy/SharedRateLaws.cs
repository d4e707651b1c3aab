using FsCheck;
using FsCheck.Fluent;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Nodes;

namespace Insula.Tests.Tenancy;

/// <summary>The laws of a rate that several nodes hold together, over more than a million generated calls on a clock that the test moves.</summary>
public sealed class SharedRateLaws
{
    private const int Calls = 1_000;

    private static readonly Limits Free = new PlanCatalog().Find("free")!.Limits;

    private static readonly Gen<Case> Cases =
        from rate in Gen.OneOf(Gen.Choose(1, 60), Gen.Choose(61, 6_000), Gen.Choose(6_001, 200_000))
        from density in Gen.Choose(0, 3)
        from stick in Gen.Elements(1, 2, 10, 100)
        from seed in Gen.Choose(0, int.MaxValue)
        select new Case(rate, density, stick, seed);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_window_over_all_nodes_admits_at_most_the_burst_plus_rate_times_window(int nodes)
    {
        foreach (var drawn in Cases.Sample(50, 350))
        {
            using var cluster = new Cluster(nodes, drawn);
            var window = new Window(drawn.PerMinute);
            for (var call = 0; call < Calls; call++)
            {
                cluster.Advance(cluster.Gap());

                // Set back by up to an hour, as an operator or a time server does; the nodes' own wall clocks go anywhere.
                if (cluster.Chance(200)) cluster.SetStoreBack();
                if (cluster.Chance(50)) cluster.ShiftNodes();
                if ((await cluster.TakeAsync(Ct)).Admitted) Assert.True(window.Takes(cluster.Elapsed), $"{drawn}, call {call}");
            }
        }
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 90)]
    [InlineData(3, 90)]
    public async Task A_caller_who_keeps_within_the_rate_is_never_refused_wherever_the_calls_go(int nodes, int percent)
    {
        foreach (var drawn in Cases.Sample(50, 150))
        {
            using var cluster = new Cluster(nodes, drawn);
            var spacing = cluster.Spacing * 100 / percent + TimeSpan.FromTicks(1);
            for (var call = 0; call < Calls; call++)
            {
                cluster.Advance(spacing + (cluster.Chance(20) ? cluster.Gap() : TimeSpan.Zero));
                Assert.True((await cluster.TakeAsync(Ct)).Admitted, $"{drawn}, call {call}");
            }
        }
    }

    [Fact]
    public async Task A_call_against_several_rates_gets_in_though_the_slot_of_one_ends_before_the_store_has_answered_for_the_next()
    {
        const int most = 10_000_000;
        var clock = new ManualClock();
        var grants = new MemoryGrants(clock) { OnTheWay = () => clock.Advance(TimeSpan.FromMilliseconds(1)) };
        using var limiter = new RateLimiter(clock, grants);
        var scope = SystemTask.Run.For(Id<Tenant>.New());
        var limits = Free with { RequestsPerMinute = most, LearnPerMinute = most };
        for (var call = 0; call < 100; call++)
        {
            var trips = grants.Trips;
            var decision = await limiter.TakeAsync(scope, RateClasses.Requests | RateClasses.Learn, limits, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(20), Ct);
            Assert.True(decision.Admitted);
            Assert.InRange(grants.Trips - trips, 0, 2);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Greedy_callers_on_all_nodes_get_the_rate_and_lose_less_than_a_tenth_of_it(int nodes)
    {
        foreach (var drawn in Cases.Sample(50, 40).Where(static drawn => drawn.PerMinute < 2_000))
        {
            using var cluster = new Cluster(nodes, drawn);
            long admitted = 0;
            var step = TimeSpan.FromTicks(Math.Max(1, cluster.Spacing.Ticks / 2));
            while (cluster.Elapsed < TimeSpan.FromMinutes(4))
            {
                while ((await cluster.TakeAsync(Ct)).Admitted) admitted++;
                cluster.Advance(step);
            }

            Assert.InRange(admitted, (long)(drawn.PerMinute * 6 * 0.9) - nodes, drawn.PerMinute * 6 + 1);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Who_waits_as_told_is_admitted(int nodes)
    {
        foreach (var drawn in Cases.Sample(50, 60).Where(static drawn => drawn.PerMinute < 2_000))
        {
            using var cluster = new Cluster(nodes, drawn with { Stick = 1 });
            for (var refused = 0; refused < 20;)
            {
                var decision = await cluster.TakeAsync(Ct);
                if (decision.Admitted) continue;
                refused++;
                Assert.Equal(FaultKind.Throttled, decision.Fault?.Kind);
                cluster.Advance(decision.RetryAfter);
                Assert.True((await cluster.TakeAsync(Ct)).Admitted, $"{drawn}: told to wait {decision.RetryAfter}");
            }
        }
    }

    [Fact]
    public async Task A_limit_of_few_goes_to_the_store_for_each_call_and_one_of_many_does_not()
    {
        using var few = new Cluster(1, new Case(2, 0, 1, 1));
        for (var call = 0; call < 4; call++) Assert.True((await few.TakeAsync(Ct)).Admitted);
        Assert.Equal(4, few.Grants.Trips);

        using var many = new Cluster(1, new Case(60_000, 0, 1, 1));
        for (var call = 0; call < 10_000; call++)
        {
            many.Advance(TimeSpan.FromMilliseconds(1));
            Assert.True((await many.TakeAsync(Ct)).Admitted);
        }

        Assert.InRange(many.Grants.Trips, 1, 30);
    }

    [Fact]
    public async Task While_the_store_is_away_reads_go_on_at_a_part_and_the_rest_ends_with_what_is_leased()
    {
        using var cluster = new Cluster(1, new Case(6_000, 0, 1, 1));
        for (var call = 0; call < 200; call++)
        {
            cluster.Advance(TimeSpan.FromMilliseconds(10));
            Assert.True((await cluster.TakeAsync(Ct)).Admitted);
        }

        cluster.Grants.Away = true;
        var admitted = 0;
        RateDecision refused;
        while ((refused = await cluster.TakeAsync(Ct)).Admitted) admitted++;
        Assert.InRange(admitted, 1, 200);
        Assert.Equal((FaultKind.Unavailable, "limits_unavailable"), (refused.Fault?.Kind, refused.Fault?.Code));
        Assert.NotNull(refused.Fault?.RetryAfter);

        var reads = 0;
        while ((refused = await cluster.TakeAsync(Ct, RateClasses.Reads)).Admitted) reads++;
        Assert.Equal((Free.ReadsPerMinute / LeasedRates.NodesAssumed * 2, FaultKind.Throttled), (reads, refused.Fault?.Kind));

        cluster.Grants.Away = false;
        cluster.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await cluster.TakeAsync(Ct)).Admitted);
        Assert.True((await cluster.TakeAsync(Ct, RateClasses.Reads)).Admitted);
    }

    [Fact]
    public async Task Five_hundred_calls_at_once_with_room_for_one_admit_one()
    {
        using var cluster = new Cluster(3, new Case(250, 0, 1, 1));
        for (var call = 0; call < 499; call++) Assert.True((await cluster.TakeAtAsync(0, Ct)).Admitted);

        var admitted = await Task.WhenAll(Enumerable.Range(0, 500).Select(call => Task.Run(() => cluster.TakeAtAsync(call % 3, Ct).AsTask(), Ct)));
        Assert.Single(admitted, static decision => decision.Admitted);
    }

    [Fact]
    public async Task A_call_over_its_keys_limit_takes_nothing_from_the_tenant()
    {
        using var cluster = new Cluster(1, new Case(100, 0, 1, 1)) { Own = [new OwnLimits(RateHolder.Key, "key_one", new CallerLimits { RequestsPerMinute = 10 })] };
        var decisions = new List<RateDecision>();
        for (var call = 0; call < 30; call++) decisions.Add(await cluster.TakeAsync(Ct));
        Assert.Equal((20, RateHolder.Key), (decisions.Count(static d => d.Admitted), decisions[^1].Holder));

        cluster.Own = [];
        var left = 0;
        while ((await cluster.TakeAsync(Ct)).Admitted) left++;
        Assert.InRange(left, 160, 180);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Every_window_admits_at_most_a_members_burst_plus_rate_times_window_whichever_keys_and_nodes_are_used(int nodes)
    {
        foreach (var drawn in Cases.Sample(50, 60))
        {
            using var cluster = new Cluster(nodes, drawn with { PerMinute = drawn.PerMinute * 2 });
            var member = new OwnLimits(RateHolder.Member, "mbr_one", new CallerLimits { RequestsPerMinute = drawn.PerMinute });
            var window = new Window(drawn.PerMinute);
            for (var call = 0; call < Calls; call++)
            {
                cluster.Advance(cluster.Gap());
                if (cluster.Chance(200)) cluster.SetStoreBack();
                cluster.Own = cluster.Chance(2) ? [member] : [member, new OwnLimits(RateHolder.Key, "key_two", new CallerLimits { RequestsPerMinute = drawn.PerMinute })];
                if ((await cluster.TakeAsync(Ct)).Admitted) Assert.True(window.Takes(cluster.Elapsed), $"{drawn}, call {call}");
            }
        }
    }

    /// <param name="Density">How close the calls come: 0 at once, 3 rarely.</param>
    /// <param name="Stick">Calls in a row that go to one node.</param>
    private sealed record Case(int PerMinute, int Density, int Stick, int Seed);

    private sealed class Cluster : IDisposable
    {
        private readonly Case _drawn;
        private readonly Random _random;
        private readonly ManualClock _clock = new();
        private readonly RateLimiter[] _nodes;
        private readonly Id<Tenant> _tenant = Id<Tenant>.New();
        private readonly Limits _limits;
        private int _at;
        private int _stays;

        public Cluster(int nodes, Case drawn)
        {
            (_drawn, _random) = (drawn, new Random(drawn.Seed));
            Grants = new MemoryGrants(_clock);
            _nodes = [.. Enumerable.Range(0, nodes).Select(_ => new RateLimiter(_clock, Grants))];
            _limits = Free with { RequestsPerMinute = drawn.PerMinute };
        }

        public MemoryGrants Grants { get; }

        public IReadOnlyList<OwnLimits> Own { get; set; } = [];

        public TimeSpan Elapsed { get; private set; }

        public TimeSpan Spacing => TimeSpan.FromTicks((TimeSpan.TicksPerMinute + _drawn.PerMinute - 1) / _drawn.PerMinute);

        public bool Chance(int oneIn) => _random.Next(oneIn) == 0;

        public TimeSpan Gap() => _random.Next(_drawn.Density == 0 ? 200 : 20) switch
        {
            0 => TimeSpan.FromSeconds(_random.Next(200)),
            1 => Spacing,
            _ => Spacing * (_random.NextDouble() * _drawn.Density),
        };

        public void Advance(TimeSpan by)
        {
            _clock.Advance(by);
            Elapsed += by;
        }

        public void SetStoreBack() => Grants.Shift -= TimeSpan.FromSeconds(_random.Next(3_600));

        public void ShiftNodes()
        {
            var by = TimeSpan.FromSeconds(_random.Next(-3_600, 3_600));
            _clock.ShiftWallClock(by);
            Grants.Shift -= by;
        }

        public ValueTask<RateDecision> TakeAsync(CancellationToken ct, RateClasses classes = RateClasses.Requests)
        {
            if (_stays-- <= 0) (_at, _stays) = (_random.Next(_nodes.Length), _random.Next(_drawn.Stick));
            return TakeAtAsync(_at, ct, classes);
        }

        public ValueTask<RateDecision> TakeAtAsync(int node, CancellationToken ct, RateClasses classes = RateClasses.Requests) =>
            _nodes[node].TakeAsync(new TenantScope(_tenant, new Principal("key", "key_one"), Permissions.All) { OwnLimits = Own }, classes, _limits, ct);

        public void Dispose()
        {
            foreach (var node in _nodes) node.Dispose();
        }
    }

    /// <summary>Holds admitted calls against every window that ends with the newest of them, in one comparison.</summary>
    private sealed class Window(int perMinute)
    {
        private Int128 _least = Int128.MaxValue;
        private long _calls;

        public bool Takes(TimeSpan at)
        {
            var level = (Int128)_calls++ * TimeSpan.TicksPerMinute - (Int128)perMinute * at.Ticks;
            if (level < _least) _least = level;
            return level - _least + TimeSpan.TicksPerMinute <= (Int128)perMinute * 2 * TimeSpan.TicksPerMinute;
        }
    }
}
