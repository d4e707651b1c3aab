using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Contracts;

/// <summary>
/// The law of whose turn it is (docs/decisions/0008), once for both of its carriers. Workers and what they cost are
/// simulated: time is a number here, and goes on when a lease ends.
/// </summary>
public abstract class FairnessContract : IAsyncLifetime
{
    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>How many cases a property is tried on, and how many turns a long simulation has.</summary>
    protected abstract (int Cases, int Turns) Effort { get; }

    public abstract ValueTask InitializeAsync();

    public abstract ValueTask DisposeAsync();

    /// <summary>The carrier, empty, for so many workers.</summary>
    internal abstract Task<Turns> StartAsync(int workers);

    [Fact]
    public Task With_all_workers_busy_each_of_ten_tenants_gets_its_share_by_weight_and_by_what_leases_really_cost() =>
        ShareOutAsync(static (random, weight) => (weight % 3 == 0 ? 0.2 : 1.5) * (0.5 + random.NextDouble()), 0.10);

    [Fact]
    public async Task A_tenant_that_queues_one_is_next_behind_another_that_queued_a_thousand()
    {
        var turns = await StartAsync(workers: 4);
        var (a, b) = (Id<Tenant>.New(), Id<Tenant>.New());
        for (var i = 0; i < 1_000; i++) await turns.AddAsync(a, new RunShare(100));
        List<QueuedSession> held = [];
        for (var i = 0; i < 4; i++) held.Add((await turns.NextAsync())!);
        var one = await turns.AddAsync(b, new RunShare(100));
        Assert.Null(await turns.NextAsync());

        await turns.EndAsync(held[0], 1);
        Assert.Equal(one, await turns.NextAsync());
    }

    [Fact]
    public async Task A_lease_that_cost_far_more_than_was_charged_is_paid_for_at_once()
    {
        var turns = await StartAsync(workers: 1);
        var (dear, cheap) = (Id<Tenant>.New(), Id<Tenant>.New());
        for (var i = 0; i < 50; i++)
        {
            await turns.AddAsync(dear, new RunShare(10));
            await turns.AddAsync(cheap, new RunShare(10));
        }

        var next = (await turns.NextAsync())!;
        while (next.Tenant != dear)
        {
            await turns.EndAsync(next, 1);
            next = (await turns.NextAsync())!;
        }

        await turns.EndAsync(next, 40);
        for (var i = 0; i < 35; i++) Assert.Equal(cheap, await TakeOneAsync(turns));
    }

    [Fact]
    public async Task Idleness_saves_nothing_up()
    {
        var turns = await StartAsync(workers: 1);
        var (busy, idle) = (Id<Tenant>.New(), Id<Tenant>.New());
        await RunOneAsync(turns, await turns.AddAsync(idle, new RunShare(10)));
        for (var i = 0; i < 60; i++) await RunOneAsync(turns, await turns.AddAsync(busy, new RunShare(10)));

        for (var i = 0; i < 20; i++)
        {
            await turns.AddAsync(busy, new RunShare(10));
            await turns.AddAsync(idle, new RunShare(10));
        }

        var ofIdle = 0;
        for (var i = 0; i < 20; i++) ofIdle += await TakeOneAsync(turns) == idle ? 1 : 0;
        Assert.InRange(ofIdle, 9, 11);
    }

    [Fact]
    public async Task Having_been_held_back_by_ones_own_limit_saves_nothing_up()
    {
        var turns = await StartAsync(workers: 2);
        var (limited, other) = (Id<Tenant>.New(), Id<Tenant>.New());
        for (var i = 0; i < 60; i++) await turns.AddAsync(limited, new RunShare(1));
        for (var i = 0; i < 120; i++) await turns.AddAsync(other, new RunShare(10));
        var slow = (await turns.NextAsync())!;
        if (slow.Tenant != limited)
        {
            var next = (await turns.NextAsync())!;
            await turns.EndAsync(slow, 1);
            slow = next;
        }

        Assert.Equal(limited, slow.Tenant);
        for (var i = 0; i < 60; i++) Assert.Equal(other, await TakeOneAsync(turns));
        await turns.EndAsync(slow, 1);

        // With a worker of its own free again, it gets every other turn and not the fifty that it missed.
        await turns.ShareAsync(limited, new RunShare(10));
        var hold = (await turns.NextAsync())!;
        var ofLimited = 0;
        for (var i = 0; i < 20; i++) ofLimited += await TakeOneAsync(turns) == limited ? 1 : 0;
        await turns.EndAsync(hold, 1);
        Assert.InRange(ofLimited, 8, 12);
    }

    [Fact]
    public async Task The_higher_priority_goes_first_and_a_minute_of_waiting_is_worth_a_level()
    {
        var turns = await StartAsync(workers: 1);
        var tenant = Id<Tenant>.New();
        var share = new RunShare(10);
        var low = await turns.AddAsync(tenant, share, priority: -1);
        var first = await turns.AddAsync(tenant, share);
        var second = await turns.AddAsync(tenant, share);
        var urgent = await turns.AddAsync(tenant, share, priority: 2);
        Assert.Equal(urgent, await RunNextAsync(turns));
        Assert.Equal(first, await RunNextAsync(turns));

        await turns.PassAsync(TimeSpan.FromSeconds(50));
        var late = await turns.AddAsync(tenant, share, priority: 1);
        Assert.Equal(late, await RunNextAsync(turns));
        await turns.PassAsync(TimeSpan.FromSeconds(20));
        var later = await turns.AddAsync(tenant, share, priority: 1);
        Assert.Equal(second, await RunNextAsync(turns));
        await turns.PassAsync(TimeSpan.FromSeconds(60));
        var latest = await turns.AddAsync(tenant, share, priority: 1);
        Assert.Equal(later, await RunNextAsync(turns));
        Assert.Equal(low, await RunNextAsync(turns));
        Assert.Equal(latest, await RunNextAsync(turns));
    }

    [Fact]
    public async Task A_tenant_below_its_minimum_goes_first_whatever_its_weight()
    {
        var turns = await StartAsync(workers: 8);
        var (heavy, small) = (Id<Tenant>.New(), Id<Tenant>.New());
        for (var i = 0; i < 40; i++) await turns.AddAsync(heavy, new RunShare(100, Weight: 1_000));
        for (var i = 0; i < 40; i++) await turns.AddAsync(small, new RunShare(100, Weight: 1, Minimum: 3));
        List<QueuedSession> held = [];
        for (var i = 0; i < 8; i++) held.Add((await turns.NextAsync())!);
        Assert.InRange(held.Count(entry => entry.Tenant == small), 3, 4);

        // And it keeps what it has a right to while the workers change hands.
        for (var i = 0; i < 20; i++)
        {
            await turns.EndAsync(held[0], 1);
            held.RemoveAt(0);
            held.Add((await turns.NextAsync())!);
            Assert.InRange(held.Count(entry => entry.Tenant == small), 2, 4);
        }
    }

    [Fact]
    public async Task Minima_that_add_up_to_more_than_there_is_starve_nobody()
    {
        var turns = await StartAsync(workers: 2);
        var greedy = Enumerable.Range(0, 3).Select(static _ => Id<Tenant>.New()).ToList();
        foreach (var tenant in greedy)
            for (var i = 0; i < 20; i++) await turns.AddAsync(tenant, new RunShare(10, Minimum: 2));
        var humble = await turns.AddAsync(Id<Tenant>.New(), new RunShare(1));
        List<QueuedSession> held = [(await turns.NextAsync())!, (await turns.NextAsync())!];
        var waited = 0;
        while (!held.Contains(humble))
        {
            Assert.True(waited++ < 2 * FairOrder.MinimaPause, "It waits for ever.");
            await turns.EndAsync(held[0], 1);
            held.RemoveAt(0);
            held.Add((await turns.NextAsync())!);
        }
    }

    /// <summary>Whatever tenants, weights, minima, limits and costs there are, and however work comes and goes.</summary>
    [Fact]
    public void Limits_hold_and_everything_that_is_queued_has_its_turn_within_its_bound() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed => HoldsAsync(new Random(seed)).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(Effort.Cases));

    private async Task<bool> HoldsAsync(Random random)
    {
        var workers = random.Next(1, 6);
        var turns = await StartAsync(workers);
        var tenants = Enumerable.Range(0, random.Next(1, 6)).Select(_ => new Part(Id<Tenant>.New(), new RunShare(random.Next(1, 5), random.Next(1, 6), random.Next(0, 3)))).ToList();

        // Another tenant gets at most so many turns for one of this one's: by the weights, and by the costs, which differ by
        // 4 at most; each tenant once more for having just come; and of four turns one looks at no minimum.
        var bound = tenants.ToDictionary(static part => part, part => FairOrder.MinimaPause * (2 + tenants.Sum(other => 2 + (int)(4 * other.Share.Weight / part.Share.Weight))));
        List<(Part Part, QueuedSession Entry)> held = [];
        for (var step = 0; step < 60; step++)
        {
            var part = tenants[random.Next(tenants.Count)];
            if (random.Next(3) > 0) part.Waiting.Add(await turns.AddAsync(part.Tenant, part.Share, random.Next(-2, 3)));
            if (held.Count > 0 && random.Next(2) == 0) await EndAsync(turns, held, random);
            await FillAsync(turns, tenants, held, workers, bound);
        }

        while (held.Count > 0)
        {
            await EndAsync(turns, held, random);
            await FillAsync(turns, tenants, held, workers, bound);
        }

        return tenants.TrueForAll(static part => part.Waiting.Count == 0);
    }

    private static async Task EndAsync(Turns turns, List<(Part Part, QueuedSession Entry)> held, Random random)
    {
        var (part, entry) = held[random.Next(held.Count)];
        await turns.EndAsync(entry, 0.5 + 1.5 * random.NextDouble());
        held.Remove((part, entry));
        part.Held--;
    }

    private static async Task FillAsync(Turns turns, List<Part> tenants, List<(Part Part, QueuedSession Entry)> held, int workers, Dictionary<Part, int> bound)
    {
        while (held.Count < workers && await turns.NextAsync() is { } next)
        {
            var part = tenants.Single(part => part.Tenant == next.Tenant);
            Assert.True(part.Waiting.Remove(next), "It was not waiting.");
            part.Held++;
            held.Add((part, next));
            Assert.True(part.Held <= part.Share.Concurrent, $"{part.Held} of {part.Share}");
            foreach (var other in tenants)
            {
                other.PassedOver = other == part || other.Waiting.Count == 0 || other.Held >= other.Share.Concurrent ? 0 : other.PassedOver + 1;
                Assert.True(other.PassedOver <= bound[other], $"{other.Share} was passed over {other.PassedOver} times.");
            }
        }

        if (held.Count < workers) Assert.DoesNotContain(tenants, static part => part.Waiting.Count > 0 && part.Held < part.Share.Concurrent);
        else Assert.Null(await turns.NextAsync());
    }

    private async Task ShareOutAsync(Func<Random, int, double> cost, double within)
    {
        const int Workers = 12;
        var random = new Random(7);
        var turns = await StartAsync(Workers);
        var tenants = Enumerable.Range(1, 10).Select(static weight => (Id: Id<Tenant>.New(), Share: new RunShare(100, weight), Weight: weight)).ToList();
        var byId = tenants.ToDictionary(static tenant => tenant.Id);
        var had = tenants.ToDictionary(static tenant => tenant.Id, static _ => 0.0);
        foreach (var tenant in tenants)
            for (var i = 0; i < Workers + 1; i++) await turns.AddAsync(tenant.Id, tenant.Share);

        var running = new PriorityQueue<(QueuedSession Entry, double Cost), double>();
        var now = 0.0;
        for (var taken = 0; taken < Effort.Turns; taken++)
        {
            while (running.Count == Workers)
            {
                running.TryDequeue(out var ended, out now);
                had[ended.Entry.Tenant] += ended.Cost;
                await turns.EndAsync(ended.Entry, ended.Cost);
                await turns.AddAsync(ended.Entry.Tenant, byId[ended.Entry.Tenant].Share);
            }

            var next = (await turns.NextAsync())!;
            var costs = cost(random, byId[next.Tenant].Weight);
            running.Enqueue((next, costs), now + costs);
        }

        // What is under way counts by what it has cost so far.
        foreach (var ((entry, costs), ends) in running.UnorderedItems) had[entry.Tenant] += costs - Math.Max(0, ends - now);
        var all = had.Values.Sum();
        var errors = tenants.Select(tenant => had[tenant.Id] / (all * tenant.Weight / 55) - 1).ToList();
        TestContext.Current.TestOutputHelper!.WriteLine($"{Effort.Turns} turns; farthest from its share: {errors.Max(Math.Abs):P1}");
        Assert.All(errors, error => Assert.InRange(error, -within, within));
    }

    private static async Task RunOneAsync(Turns turns, QueuedSession entry) => Assert.Equal(entry, await RunNextAsync(turns));

    private static async Task<Id<Tenant>> TakeOneAsync(Turns turns) => (await RunNextAsync(turns)).Tenant;

    private static async Task<QueuedSession> RunNextAsync(Turns turns)
    {
        var next = (await turns.NextAsync())!;
        await turns.EndAsync(next, 1);
        return next;
    }

    /// <summary>A carrier of the law.</summary>
    internal abstract class Turns
    {
        public async Task<QueuedSession> AddAsync(Id<Tenant> tenant, RunShare share, int priority = 0)
        {
            var entry = new QueuedSession(tenant, Id<Session>.New());
            await AddAsync(entry, share, priority);
            return entry;
        }

        public abstract Task ShareAsync(Id<Tenant> tenant, RunShare share);

        /// <summary>Who gets the next free worker; null when there is none, or nobody may.</summary>
        public abstract Task<QueuedSession?> NextAsync();

        public abstract Task EndAsync(QueuedSession entry, double cost);

        public abstract Task PassAsync(TimeSpan time);

        protected abstract Task AddAsync(QueuedSession entry, RunShare share, int priority);
    }

    private sealed class Part(Id<Tenant> tenant, RunShare share)
    {
        public Id<Tenant> Tenant => tenant;

        public RunShare Share => share;

        public List<QueuedSession> Waiting { get; } = [];

        public int Held { get; set; }

        /// <summary>Turns of others since it last could have had one.</summary>
        public int PassedOver { get; set; }
    }
}
