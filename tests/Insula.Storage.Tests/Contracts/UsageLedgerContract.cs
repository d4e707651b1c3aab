using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every ledger promises: each item once, whoever ships it and however often, and sums that agree with the items.</summary>
public abstract class UsageLedgerContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 23, 0, 0, TimeSpan.Zero);
    private static readonly UsageFilter All = new(DateTimeOffset.UnixEpoch, Start.AddYears(9));

    private readonly Id<Tenant> _tenant = Id<Tenant>.New();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected IServiceProvider Stores { get; private set; } = null!;

    private IUsageLedger Ledger => Stores.GetRequiredService<IUsageLedger>();

    public async ValueTask InitializeAsync() => Stores = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IServiceProvider> OpenAsync();

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task An_item_that_is_shipped_again_counts_once()
    {
        UsageEntry[] entries = [Entry(0), Entry(1), Entry(2)];
        Assert.Equal(2, await Ledger.AddAsync(_tenant, entries[..2], Ct));
        Assert.Equal(1, await Ledger.AddAsync(_tenant, entries, Ct));
        Assert.Equal(0, await Ledger.AddAsync(_tenant, entries, Ct));
        Assert.Equal(SumOf(entries), await Ledger.SumAsync(_tenant, All, Ct));
        Assert.Equal(SumOf(entries), await SumOfDaysAsync());
    }

    [Fact]
    public async Task Many_shippers_of_the_same_items_at_once_count_each_once()
    {
        UsageEntry[] entries = [.. Enumerable.Range(0, 40).Select(Entry)];
        var random = new Random(5);
        var shipments = Enumerable.Range(0, 12).Select(_ => entries.Where(_ => random.Next(3) > 0).OrderBy(_ => random.Next()).ToList()).Append([.. entries]).ToList();
        var added = await Task.WhenAll(shipments.Select(shipment => Ledger.AddAsync(_tenant, shipment, Ct)));
        Assert.Equal(entries.Length, added.Sum());
        Assert.Equal(SumOf(entries), await Ledger.SumAsync(_tenant, All, Ct));
        Assert.Equal(SumOf(entries), await SumOfDaysAsync());
    }

    [Fact]
    public async Task Tenants_have_nothing_of_each_other()
    {
        var (mine, other) = (Entry(0), Id<Tenant>.New());
        await Ledger.AddAsync(_tenant, [mine], Ct);
        Assert.Equal(1, await Ledger.AddAsync(other, [mine with { Agent = "agent_other" }], Ct));
        Assert.Equal(["agent_0"], (await Ledger.GroupAsync(_tenant, All, UsageGrouping.Agent, new PageRequest(10, null), Ct)).Items.Select(static g => g.Key));
        Assert.Equal(SumOf([mine]), await SumOfDaysAsync());
    }

    [Theory]
    [InlineData(UsageGrouping.Day, "2026-11-22=2 2026-11-23=4")]
    [InlineData(UsageGrouping.Agent, "agent_0=2 agent_1=2 agent_2=2")]
    [InlineData(UsageGrouping.Model, "model_0=1 model_1=1 model_2=1")]
    [InlineData(UsageGrouping.Key, "key:key_0=3 key:key_1=3")]
    [InlineData(UsageGrouping.Member, "=6")]
    [InlineData(UsageGrouping.Session, "sesn_0=6")]
    [InlineData(UsageGrouping.Run, "run_0=1 run_1=1 run_2=1 run_3=1 run_4=1 run_5=1")]
    [InlineData(UsageGrouping.Kind, "model=3 tool=3")]
    public async Task Sums_by_any_group_are_those_of_its_items_page_by_page(UsageGrouping by, string expected)
    {
        UsageEntry[] entries = [.. Enumerable.Range(0, 6).Select(Entry)];
        await Ledger.AddAsync(_tenant, entries, Ct);
        List<UsageGroup> groups = [];
        string? cursor = null;
        do
        {
            var page = await Ledger.GroupAsync(_tenant, All, by, new PageRequest(2, cursor), Ct);
            groups.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null);
        Assert.Equal(expected, string.Join(' ', groups.Select(static g => $"{g.Key}={g.Sum.Items}")));
        var counted = by == UsageGrouping.Model ? entries.Where(static e => e.Kind == "model") : entries;
        Assert.Equal(SumOf(counted), groups.Aggregate(UsageSum.Nothing, static (sum, group) => sum + group.Sum));
    }

    [Fact]
    public async Task Filters_let_through_what_they_name()
    {
        UsageEntry[] entries = [.. Enumerable.Range(0, 6).Select(Entry)];
        await Ledger.AddAsync(_tenant, entries, Ct);
        Assert.Equal(SumOf(entries[2..4]), await Ledger.SumAsync(_tenant, All with { From = entries[2].At, To = entries[4].At }, Ct));
        Assert.Equal(SumOf([entries[0], entries[3]]), await Ledger.SumAsync(_tenant, All with { Agent = "agent_0" }, Ct));
        Assert.Equal(SumOf([entries[2]]), await Ledger.SumAsync(_tenant, All with { Model = "model_1" }, Ct));
        Assert.Equal(SumOf([entries[5]]), await Ledger.SumAsync(_tenant, All with { Run = "run_5", Session = "sesn_0" }, Ct));
        Assert.Equal(SumOf([entries[1], entries[3], entries[5]]), await Ledger.SumAsync(_tenant, All with { Key = "key_1" }, Ct));
        Assert.Equal(UsageSum.Nothing, await Ledger.SumAsync(_tenant, All with { Agent = "agent_9" }, Ct));
    }

    [Fact]
    public async Task Members_and_nobody_together_used_all_of_it()
    {
        var (mine, stranger) = (SystemTask.Provision.For(_tenant), SystemTask.Provision.For(Id<Tenant>.New()));
        foreach (var scope in (TenantScope[])[mine, stranger])
        {
            var tenant = new Tenant(scope.Tenant, "t", null, "free", Placement.File, "main", TenantStatus.Active, LimitOverrides.None, Start, Start, null, null);
            await Stores.GetRequiredService<ITenantDirectory>().AddAsync(tenant, null, Record(scope, "tenant.create"), Ct);
        }

        Member[] members = [await AddMemberAsync(mine), await AddMemberAsync(mine), await AddMemberAsync(mine)];
        var (a, b, idle) = (members[0], members[1], members[2]);
        (string Principal, Id<Member>? Member)[] holders =
        [
            ($"key:{await AddKeyAsync(mine, a.Id)}", a.Id), ($"key:{await AddKeyAsync(mine, a.Id)}", a.Id), ($"key:{await AddKeyAsync(mine, b.Id)}", b.Id),
            ($"key:{await AddKeyAsync(mine, null)}", null), ("schedule:sched_1", null), ("", null),
        ];
        List<(UsageEntry Entry, Id<Member>? Member)> used = [.. Enumerable.Range(0, 31).Select(i => (Entry(i) with { Principal = holders[i % holders.Length].Principal }, holders[i % holders.Length].Member))];
        await Ledger.AddAsync(_tenant, [.. used.Select(static one => one.Entry)], Ct);
        await Ledger.AddAsync(stranger.Tenant, [Entry(0) with { Principal = holders[0].Principal }], Ct);
        Assert.NotNull(await Stores.GetRequiredService<IMemberStore>().RemoveAsync(mine, b, Start, Record(mine, "member.remove"), Ct));

        var expected = used.GroupBy(static one => one.Member?.ToString() ?? "").Select(static group => new UsageGroup(group.Key, SumOf(group.Select(static one => one.Entry)))).OrderBy(static group => group.Key, StringComparer.Ordinal);
        List<UsageGroup> groups = [];
        for (string? cursor = null; groups.Count == 0 || cursor is not null;)
        {
            var page = await Ledger.GroupAsync(_tenant, All, UsageGrouping.Member, new PageRequest(1, cursor), Ct);
            groups.AddRange(page.Items);
            cursor = page.Next;
        }

        Assert.Equal(expected, groups);
        Assert.Equal(await Ledger.SumAsync(_tenant, All, Ct), groups.Aggregate(UsageSum.Nothing, static (sum, group) => sum + group.Sum));
        Assert.Equal(groups.Single(group => group.Key == a.Id.ToString()).Sum, await Ledger.SumAsync(_tenant, All with { Member = a.Id.ToString() }, Ct));
        Assert.Equal(UsageSum.Nothing, await Ledger.SumAsync(_tenant, All with { Member = idle.Id.ToString() }, Ct));

        // To another tenant a member is unknown, even for usage that bears the name of the member's key.
        Assert.Equal([""], (await Ledger.GroupAsync(stranger.Tenant, All, UsageGrouping.Member, new PageRequest(9, null), Ct)).Items.Select(static group => group.Key));
        Assert.Equal(UsageSum.Nothing, await Ledger.SumAsync(stranger.Tenant, All with { Member = a.Id.ToString() }, Ct));
    }

    [Fact]
    public async Task What_has_no_price_is_counted_and_costs_nothing()
    {
        await Ledger.AddAsync(_tenant, [Entry(0) with { CostMicros = null }, Entry(1)], Ct);
        var sum = await Ledger.SumAsync(_tenant, All, Ct);
        Assert.Equal((2, 1, 1_001), (sum.Items, sum.Unpriced, sum.CostMicros));
        Assert.Equal(sum, await SumOfDaysAsync());
    }

    [Fact]
    public async Task An_item_settles_its_hold_and_counts_on_the_budget_once()
    {
        var budgets = Stores.GetRequiredService<IBudgetStore>();
        var key = BudgetKey.Of(_tenant);
        var record = new Insula.Tenancy.Audit.AuditRecord(_tenant, new Principal("operator", "test"), "budget.put", key.ToString(), null, Start);
        await budgets.PutAsync(new Budget(key, _tenant, 1_000_000, BudgetPeriod.Life, [], "operator:test", Start, Start), max: 10, record, Ct);
        var entry = Entry(0);
        var held = await budgets.HoldAsync(
            new HoldRequest(Id<Hold>.Parse(entry.Id), _tenant, entry.Session, Id<Node>.New(), [key], Micros: 5_000, Least: 1, TimeSpan.FromMinutes(1)), Ct);
        Assert.True(held.Holds);
        for (var times = 0; times < 2; times++) await Ledger.AddAsync(_tenant, [entry, Entry(1)], Ct);
        var budget = (await budgets.FindAsync(_tenant, key, Ct))!;
        Assert.Equal((0, 2_001), (budget.HeldMicros, budget.SpentMicros));
    }

    [Fact]
    public async Task The_tenants_that_cost_most_come_first()
    {
        // A day that no other test has.
        var (other, at) = (Id<Tenant>.New(), new DateTimeOffset(1999, 12, 31, 0, 0, 0, TimeSpan.Zero).AddDays(-Random.Shared.Next(10_000)));
        await Ledger.AddAsync(_tenant, [Entry(0) with { At = at, CostMicros = long.MaxValue / 4 }], Ct);
        await Ledger.AddAsync(other, [Entry(0) with { At = at, CostMicros = long.MaxValue / 3 }], Ct);
        var day = DateOnly.FromDateTime(at.UtcDateTime);
        var top = await Ledger.TopAsync(day, day.AddDays(1), 2, Ct);
        Assert.Equal([other, _tenant], top.Select(static t => t.Tenant));
        Assert.Equal([other], (await Ledger.TopAsync(day, day.AddDays(1), 1, Ct)).Select(static t => t.Tenant));
    }

    [Fact]
    public async Task Whoever_settles_a_sessions_entry_marks_its_tenant_in_the_same_transaction()
    {
        var queue = Stores.GetRequiredService<IRunQueue>();
        var (entry, node) = (new QueuedSession(_tenant, Id<Insula.Agents.Sessions.Session>.New()), Id<Node>.New());
        await queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);
        Assert.Empty(await MarksAsync());
        var lease = (await queue.TryLeaseAsync(entry, node, TimeSpan.FromMinutes(1), Ct))!;
        Assert.Null(await queue.SettleAsync(entry, node, lease.Mark, default, Ct));
        Assert.Single(await MarksAsync());
    }

    [Fact]
    public async Task A_mark_that_was_made_anew_outlives_the_one_that_was_read()
    {
        await QueueAsync();
        await Ledger.MarkQueuedAsync(Ct);
        var read = Assert.Single(await MarksAsync());
        await Ledger.UnmarkAsync(read with { Mark = read.Mark + 1 }, Ct);
        Assert.Single(await MarksAsync());
        await Ledger.UnmarkAsync(read, Ct);
        Assert.Empty(await MarksAsync());

        // The queue still has it: a mark that comes again is another one.
        await Ledger.MarkQueuedAsync(Ct);
        await Ledger.UnmarkAsync(read, Ct);
        Assert.Single(await MarksAsync());
        Assert.True((await Ledger.CountMarkedAsync(Ct)).Tenants >= 1);
    }

    private async Task<Member> AddMemberAsync(TenantScope scope)
    {
        var member = new Member(Id<Member>.New(), scope.Tenant, "m", null, MemberRole.Member, Start, null);
        Assert.Null((await Stores.GetRequiredService<IMemberStore>().AddAsync(scope, member, int.MaxValue, Record(scope, "member.add"), Ct)).Fault);
        return member;
    }

    private async Task<Id<ApiKey>> AddKeyAsync(TenantScope scope, Id<Member>? member)
    {
        var key = new ApiKey(Id<ApiKey>.New(), scope.Tenant, "key", Base62.Random(12), [1], 1, Permissions.Read, Start, null, null, null, null) { Member = member };
        Assert.Null((await Stores.GetRequiredService<IApiKeyStore>().AddAsync(scope, key, int.MaxValue, Record(scope, "key.create"), Ct)).Fault);
        return key.Id;
    }

    private static AuditRecord Record(TenantScope scope, string action) => new(scope.Tenant, scope.Principal, action, "target", null, Start);

    private async Task QueueAsync() =>
        await Stores.GetRequiredService<IRunQueue>().WakeAsync(_tenant, Id<Insula.Agents.Sessions.Session>.New(), default, Ct);

    private async Task<IReadOnlyList<UsageMark>> MarksAsync() => [.. (await Ledger.ListMarkedAsync(DateTimeOffset.MaxValue, 1000, Ct)).Where(mark => mark.Tenant == _tenant)];

    private async Task<UsageSum> SumOfDaysAsync() =>
        (await Ledger.DaysAsync(_tenant, new DateOnly(2026, 1, 1), new DateOnly(2027, 1, 1), Ct)).Aggregate(UsageSum.Nothing, static (sum, day) => sum + day.Sum);

    private static UsageSum SumOf(IEnumerable<UsageEntry> entries) => entries.Aggregate(UsageSum.Nothing, static (sum, entry) => sum + UsageSum.Of(entry));

    /// <summary>Half an hour apart, over midnight; every second one a tool call.</summary>
    private static UsageEntry Entry(int i) => new(
        new Id<Hold>((UInt128)i + 1).ToString(),
        Start.AddMinutes(30 * i),
        i % 2 == 0 ? "model" : "tool",
        i % 2 == 0 ? $"model_{i / 2}" : "search",
        $"agent_{i % 3}",
        "sesn_0",
        $"run_{i}",
        $"key:key_{i % 2}",
        i % 2 == 0 ? new Quantities(100 + i, 200 + i, 300 + i, 400 + i, 50 + i) : default,
        1_000 + i,
        "price_1");
}
