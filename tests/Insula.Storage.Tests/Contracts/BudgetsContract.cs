using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What the control store promises of budgets and holds.</summary>
public abstract class BudgetsContract : IAsyncLifetime
{
    private static readonly TimeSpan Length = TimeSpan.FromMinutes(1);
    private static readonly Id<Node> Node = Id<Node>.New();

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected IServiceProvider Stores { get; private set; } = null!;

    private protected IBudgetStore Budgets => Stores.GetRequiredService<IBudgetStore>();

    public async ValueTask InitializeAsync() => Stores = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IServiceProvider> OpenAsync();

    protected abstract ValueTask CloseAsync();

    /// <summary>Lets the month end.</summary>
    protected abstract Task EndMonthAsync();

    [Fact]
    public async Task A_hold_counts_on_every_budget_of_its_path_until_its_cost_takes_its_place()
    {
        var tree = await TreeAsync(platform: 1000, tenant: 900, agent: 800, session: 700);
        var hold = await HoldAsync(tree, 300);
        Assert.Equal(new HoldStanding(300, true), hold.Standing);
        Assert.Equal([(0, 300), (0, 300), (0, 300), (0, 300)], await StandingsAsync(tree));

        Assert.Empty(await Budgets.SettleAsync(tree.Tenant, [tree.Used(hold.Id, 120)], Ct));
        Assert.Equal([(120, 0), (120, 0), (120, 0), (120, 0)], await StandingsAsync(tree));
        Assert.Equal(0, await Budgets.CountHoldsAsync(Ct));
    }

    [Fact]
    public async Task A_hold_that_one_budget_cannot_bear_is_taken_on_none()
    {
        var tree = await TreeAsync(platform: 1000, tenant: 1000, agent: 100, session: 1000);
        var refused = await HoldAsync(tree, 101);
        Assert.Null(refused.Standing.Granted);
        Assert.Equal("agent:" + tree.Agent, refused.Answer.Tightest!.Key.ToString());
        Assert.All(await StandingsAsync(tree), static standing => Assert.Equal((0, 0), standing));
        Assert.Equal(0, await Budgets.CountHoldsAsync(Ct));
    }

    [Fact]
    public async Task A_hold_that_does_not_fit_takes_what_is_left_if_that_is_enough()
    {
        var tree = await TreeAsync(tenant: 1000, session: 250);
        Assert.Equal(250, (await HoldAsync(tree, 900, least: 250)).Standing.Granted);
        Assert.Equal([(0, 250), (0, 250)], await StandingsAsync(tree));
        Assert.Null((await HoldAsync(tree, 900, least: 1)).Standing.Granted);
    }

    [Fact]
    public async Task Without_a_budget_on_the_path_nothing_is_written()
    {
        var tree = await TreeAsync();
        await PutAsync(Id<Tenant>.New(), BudgetKey.Of(Id<Tenant>.New()), 1);
        Assert.Equal(new HoldStanding(long.MaxValue, false), (await HoldAsync(tree, long.MaxValue)).Standing);
        Assert.Equal(0, await Budgets.CountHoldsAsync(Ct));
    }

    [Fact]
    public async Task A_tenant_does_not_count_on_a_budget_of_the_same_name_in_another_tenants_tree()
    {
        var (mine, theirs) = (await TreeAsync(), await TreeAsync());
        await PutAsync(theirs.Tenant, new BudgetKey(BudgetScope.Agent, mine.Agent), 5);
        Assert.False((await HoldAsync(mine, 100)).Standing.Holds);
        await Budgets.SettleAsync(mine.Tenant, [mine.Used(Id<Hold>.New(), 100)], Ct);
        Assert.Equal(0, Assert.Single(await Budgets.InForceAsync(theirs.Tenant, Ct)).SpentMicros);
    }

    [Fact]
    public async Task A_cost_is_settled_once_and_one_without_a_hold_counts_too()
    {
        var tree = await TreeAsync(tenant: 1000, agent: 1000, session: 1000);
        await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 40), tree.Used(Id<Hold>.New(), 2)], Ct);
        Assert.Equal([(42, 0), (42, 0), (42, 0)], await StandingsAsync(tree));

        var hold = await HoldAsync(tree, 10);
        await Budgets.ReleaseAsync(tree.Tenant, [hold.Id, hold.Id], Ct);
        await Budgets.ReleaseAsync(tree.Tenant, [hold.Id], Ct);
        Assert.Equal([(42, 0), (42, 0), (42, 0)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task A_hold_is_lowered_on_every_budget_of_its_path_and_never_raised()
    {
        var tree = await TreeAsync(platform: 1000, tenant: 900, agent: 800, session: 300);
        var (hold, other) = (await HoldAsync(tree, 200), await HoldAsync(tree, 100));
        Assert.Null((await HoldAsync(tree, 50)).Standing.Granted);

        Assert.True(await Budgets.LowerAsync(tree.Tenant, hold.Id, 120, Ct));
        Assert.Equal([(0, 220), (0, 220), (0, 220), (0, 220)], await StandingsAsync(tree));
        Assert.Equal(50, (await HoldAsync(tree, 50)).Standing.Granted);

        Assert.False(await Budgets.LowerAsync(tree.Tenant, hold.Id, 120, Ct));
        Assert.False(await Budgets.LowerAsync(tree.Tenant, hold.Id, 121, Ct));
        Assert.Equal([(0, 270), (0, 270), (0, 270), (0, 270)], await StandingsAsync(tree));

        await Budgets.SettleAsync(tree.Tenant, [tree.Used(hold.Id, 110), tree.Used(other.Id, 7)], Ct);
        Assert.Equal([(117, 50), (117, 50), (117, 50), (117, 50)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task A_hold_that_is_ended_cannot_be_lowered_nor_one_of_another_tenant()
    {
        var (tree, other) = (await TreeAsync(platform: 1000, tenant: 1000), await TreeAsync(tenant: 1000));
        var (settled, released, standing) = (await HoldAsync(tree, 100), await HoldAsync(tree, 100), await HoldAsync(tree, 100));
        await Budgets.SettleAsync(tree.Tenant, [tree.Used(settled.Id, 60)], Ct);
        await Budgets.ReleaseAsync(tree.Tenant, [released.Id], Ct);
        foreach (var late in new[] { settled, released }) Assert.False(await Budgets.LowerAsync(tree.Tenant, late.Id, 10, Ct));
        Assert.False(await Budgets.LowerAsync(other.Tenant, standing.Id, 10, Ct));
        Assert.False(await Budgets.LowerAsync(tree.Tenant, Id<Hold>.New(), 10, Ct));
        Assert.Equal([(60, 100), (60, 100)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task What_a_hold_gives_back_does_not_come_to_a_later_budget_of_the_same_name()
    {
        var tree = await TreeAsync(platform: 1000, tenant: 100);
        var old = await HoldAsync(tree, 50);
        await Budgets.RemoveAsync(tree.Tenant, BudgetKey.Of(tree.Tenant), Record(tree.Tenant, "budget.remove"), Ct);
        await PutAsync(tree.Tenant, BudgetKey.Of(tree.Tenant), 100);
        await HoldAsync(tree, 80);
        Assert.True(await Budgets.LowerAsync(tree.Tenant, old.Id, 0, Ct));
        Assert.Equal([(0, 80), (0, 80)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task Of_parallel_lowerings_of_one_hold_each_part_comes_back_once()
    {
        var tree = await TreeAsync(platform: 1000, tenant: 1000, agent: 1000);
        var (hold, end) = (await HoldAsync(tree, 500), await HoldAsync(tree, 100));
        await Task.WhenAll([
            .. Enumerable.Range(0, 20).Select(i => Task.Run(() => Budgets.LowerAsync(tree.Tenant, hold.Id, 300 + (i * 10), Ct), Ct)),
            .. Enumerable.Range(0, 20).Select(i => Task.Run(() => Budgets.LowerAsync(tree.Tenant, end.Id, 50 + i, Ct), Ct)),
            Task.Run(() => Budgets.SettleAsync(tree.Tenant, [tree.Used(end.Id, 40)], Ct), Ct)]);
        Assert.Equal([(40, 300), (40, 300), (40, 300)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task Parallel_holds_get_all_that_is_left_and_no_more()
    {
        var tree = await TreeAsync(platform: 1000, tenant: 100, session: 1000);
        var holds = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => HoldAsync(tree, 3), Ct)));
        Assert.Equal(33, holds.Count(static hold => hold.Standing.Granted == 3));
        Assert.Equal(17, holds.Count(static hold => hold.Standing.Granted is null));
        await Task.WhenAll(holds.Where(static hold => hold.Standing.Holds).Select(hold => Task.Run(() => Budgets.SettleAsync(tree.Tenant, [tree.Used(hold.Id, 2)], Ct), Ct)));
        Assert.Equal([(66, 0), (66, 0), (66, 0)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task A_new_period_begins_with_nothing_spent_and_with_what_is_held()
    {
        var tree = await TreeAsync(tenant: 100);
        var open = await HoldAsync(tree, 30);
        await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 60)], Ct);
        await EndMonthAsync();
        Assert.Equal([(0, 30)], await StandingsAsync(tree));
        Assert.Null((await HoldAsync(tree, 71)).Standing.Granted);
        await Budgets.SettleAsync(tree.Tenant, [tree.Used(open.Id, 10)], Ct);
        Assert.Equal([(10, 0)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task A_budget_for_life_does_not_begin_anew()
    {
        var tree = await TreeAsync();
        var key = BudgetKey.Of(tree.Tenant);
        await PutAsync(tree.Tenant, key, 100, BudgetPeriod.Life);
        await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 60)], Ct);
        await EndMonthAsync();
        var budget = (await Budgets.FindAsync(tree.Tenant, key, Ct))!;
        Assert.Equal((60L, null), (budget.SpentMicros, budget.ResetsAt));
    }

    [Fact]
    public async Task A_budget_that_is_set_anew_keeps_what_was_spent_and_is_held()
    {
        var tree = await TreeAsync(tenant: 100);
        await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 60)], Ct);
        var hold = await HoldAsync(tree, 30);
        var lowered = await PutAsync(tree.Tenant, BudgetKey.Of(tree.Tenant), 50);
        Assert.Equal((60, 30, 0), (lowered.SpentMicros, lowered.HeldMicros, lowered.LeftMicros));
        Assert.Null((await HoldAsync(tree, 1)).Standing.Granted);
        await PutAsync(tree.Tenant, BudgetKey.Of(tree.Tenant), 200);
        await Budgets.SettleAsync(tree.Tenant, [tree.Used(hold.Id, 30)], Ct);
        Assert.Equal([(90, 0)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task The_holds_of_a_budget_that_was_removed_are_not_those_of_the_next_one_of_its_name()
    {
        var tree = await TreeAsync(tenant: 100);
        var old = await HoldAsync(tree, 50);
        Assert.True(await Budgets.RemoveAsync(tree.Tenant, BudgetKey.Of(tree.Tenant), Record(tree.Tenant, "budget.remove"), Ct));
        Assert.False(await Budgets.RemoveAsync(tree.Tenant, BudgetKey.Of(tree.Tenant), Record(tree.Tenant, "budget.remove"), Ct));
        await PutAsync(tree.Tenant, BudgetKey.Of(tree.Tenant), 100);
        await HoldAsync(tree, 80);
        await Budgets.ReleaseAsync(tree.Tenant, [old.Id], Ct);
        Assert.Equal([(0, 80)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task A_threshold_is_told_once_a_period_with_a_line_in_the_trail()
    {
        var tree = await TreeAsync(tenant: 100);
        Assert.Empty(await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 49)], Ct));
        Assert.Equal([50, 80], (await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 35)], Ct)).Select(static notice => notice.Percent));
        Assert.Empty(await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 1)], Ct));
        Assert.Equal([100], (await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 40)], Ct)).Select(static notice => notice.Percent));

        var trail = await Stores.GetRequiredService<IAuditLog>().ListAsync(tree.Tenant, new PageRequest(100, null), Ct);
        Assert.Equal(3, trail.Items.Count(static record => record.Action == "budget.threshold"));
        await EndMonthAsync();
        Assert.Equal([50], (await Budgets.SettleAsync(tree.Tenant, [tree.Used(Id<Hold>.New(), 50)], Ct)).Select(static notice => notice.Percent));
    }

    [Fact]
    public async Task Holds_that_are_not_renewed_are_listed_and_stand_until_they_are_released()
    {
        var tree = await TreeAsync(tenant: 100);
        var (dead, renewed) = (await HoldAsync(tree, 10, length: TimeSpan.Zero), await HoldAsync(tree, 10, length: TimeSpan.Zero));
        await Budgets.RenewAsync(Node, [renewed.Id], Length, Ct);
        await Budgets.RenewAsync(Id<Node>.New(), [dead.Id], Length, Ct);
        Assert.Equal([new ExpiredHold(tree.Tenant, dead.Id, tree.Session)], await Budgets.ListExpiredAsync(10, Ct));
        Assert.Equal(2, (await Budgets.ListHoldsAsync(tree.Tenant, tree.Session, Ct)).Count);
        Assert.Equal([(0, 20)], await StandingsAsync(tree));
        await Budgets.ReleaseAsync(tree.Tenant, [dead.Id], Ct);
        Assert.Empty(await Budgets.ListExpiredAsync(10, Ct));
        Assert.Equal([(0, 10)], await StandingsAsync(tree));
    }

    [Fact]
    public async Task A_sessions_own_budget_follows_the_session()
    {
        var tree = await TreeAsync();
        await Budgets.SetOwnAsync(tree.Tenant, tree.Session, 100, Ct);
        Assert.Equal(100, (await HoldAsync(tree, 500, least: 1)).Standing.Granted);
        await Budgets.SetOwnAsync(tree.Tenant, tree.Session, 150, Ct);
        Assert.Equal(50, (await HoldAsync(tree, 500, least: 1)).Standing.Granted);
        Assert.Empty(await Budgets.InForceAsync(tree.Tenant, Ct));
        Assert.Single((await Budgets.ListAsync(tree.Tenant, BudgetScope.SessionOwn, new PageRequest(10, null), Ct)).Items);
        await Budgets.SetOwnAsync(tree.Tenant, tree.Session, null, Ct);
        Assert.False((await HoldAsync(tree, 500)).Standing.Holds);
    }

    [Fact]
    public async Task Budgets_are_listed_in_pages_and_a_tree_has_only_so_many()
    {
        var tenant = Id<Tenant>.New();
        for (var i = 0; i < 5; i++) await PutAsync(tenant, new BudgetKey(BudgetScope.Agent, $"agent_{i}"), i);
        var first = await Budgets.ListAsync(tenant, null, new PageRequest(3, null), Ct);
        var rest = await Budgets.ListAsync(tenant, null, new PageRequest(3, first.Next), Ct);
        Assert.Equal([0, 1, 2, 3, 4], first.Items.Concat(rest.Items).Select(static budget => (int)budget.LimitMicros));
        Assert.Null(rest.Next);
        var sixth = await Budgets.PutAsync(BudgetOf(tenant, new BudgetKey(BudgetScope.Agent, "agent_6"), 1, BudgetPeriod.Month), max: 5, Record(tenant, "budget.set"), Ct);
        Assert.Equal("budgets_too_many", sixth.Fault!.Code);
        Assert.Null((await Budgets.PutAsync(BudgetOf(tenant, new BudgetKey(BudgetScope.Agent, "agent_4"), 1, BudgetPeriod.Month), max: 5, Record(tenant, "budget.set"), Ct)).Fault);
    }

    [Fact]
    public void Spent_and_held_never_exceed_a_limit_and_nothing_is_held_in_the_end() => new BudgetLaws(Budgets, Ct).Hold();

    private protected async Task<Tree> TreeAsync(long? platform = null, long? tenant = null, long? agent = null, long? session = null)
    {
        var tree = new Tree(Id<Tenant>.New(), $"agent_{Id<Tenant>.New()}", $"sesn_{Id<Tenant>.New()}");
        foreach (var (key, limit) in tree.Path.Zip(new[] { platform, tenant, agent, session }))
        {
            if (limit is { } micros) await PutAsync(key.Scope == BudgetScope.Platform ? null : tree.Tenant, key, micros);
        }

        return tree;
    }

    private protected async Task<(Id<Hold> Id, HoldStanding Standing, HoldAnswer Answer)> HoldAsync(Tree tree, long micros, long? least = null, TimeSpan? length = null)
    {
        var id = Id<Hold>.New();
        var answer = await Budgets.HoldAsync(new HoldRequest(id, tree.Tenant, tree.Session, Node, tree.Path, micros, least ?? micros, length ?? Length), Ct);
        return (id, new HoldStanding(answer.Granted, answer.Holds), answer);
    }

    /// <summary>Spent and held of each budget on the tree's path that stands, from the platform down.</summary>
    private async Task<IReadOnlyList<(int Spent, int Held)>> StandingsAsync(Tree tree) =>
        [.. (await Budgets.InForceAsync(tree.Tenant, Ct)).OrderBy(static budget => budget.Key.Scope).Select(static budget => ((int)budget.SpentMicros, (int)budget.HeldMicros))];

    private async Task<Budget> PutAsync(Id<Tenant>? tenant, BudgetKey key, long limit, BudgetPeriod period = BudgetPeriod.Month) =>
        (await Budgets.PutAsync(BudgetOf(tenant, key, limit, period), BudgetRules.BudgetsMax, Record(tenant, "budget.set"), Ct)).Value;

    private static Budget BudgetOf(Id<Tenant>? tenant, BudgetKey key, long limit, BudgetPeriod period) =>
        new(key, tenant, limit, period, BudgetRules.ThresholdsDefault, "operator:test", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);

    private static AuditRecord Record(Id<Tenant>? tenant, string action) => new(tenant, new Principal("operator", "test"), action, "budget", null, DateTimeOffset.UnixEpoch);

    private protected sealed record HoldStanding(long? Granted, bool Holds);

    private protected sealed record Tree(Id<Tenant> Tenant, string Agent, string Session)
    {
        public IReadOnlyList<BudgetKey> Path { get; } =
        [
            BudgetKey.Platform, BudgetKey.Of(Tenant), new(BudgetScope.Agent, Agent), new(BudgetScope.Session, Session), new(BudgetScope.SessionOwn, Session),
        ];

        public SettledUsage Used(Id<Hold> hold, long micros) => new(hold, Agent, Session, micros);
    }
}
