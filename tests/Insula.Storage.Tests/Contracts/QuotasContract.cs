using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Knowledge;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every placement promises of a tenant's quotas, however many nodes use the store at once.</summary>
public abstract class QuotasContract(params TenantPlace[] nodes) : IAsyncLifetime
{
    private const int Calls = 500;
    private const int Used = 4;
    private const int FirstTenants = 4;

    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);
    private static readonly Limits Wide = new(1, 1, 1, 1, 1, 1_000_000, 1_000_000_000);

    private readonly TenantScope _scope = SystemTask.Run.For(Id<Tenant>.New());
    private ITenantStores _first = null!;
    private ITenantStore[] _stores = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _first = await nodes[0].OpenAsync();
        foreach (var node in nodes) _stores = [.. _stores, await (node == nodes[0] ? _first : await node.OpenAsync()).OpenAsync(_scope, Ct)];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _stores) await store.DisposeAsync();
        foreach (var node in nodes) await node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Five_hundred_sessions_at_once_with_room_for_one_add_one_and_a_removed_one_makes_room()
    {
        var first = NewSession();
        Assert.Null((await _stores[0].Sessions.AddAsync(first, [], Used, Ct)).Fault);
        await OneOfManyAsync(async store => (await store.Sessions.AddAsync(NewSession(), [], Used, Ct)).Fault, added: 1);

        Assert.Equal("quota_exceeded", (await ForkAsync(_stores[0], first)).Fault?.Code);
        await RemoveAsync(first);
        await RemoveAsync(first);
        await OneOfManyAsync(async store => (await store.Sessions.AddAsync(NewSession(), [], Used, Ct)).Fault, added: Used - 1, calls: 50);
    }

    [Fact]
    public async Task The_first_sessions_of_a_tenant_that_come_at_once_are_all_added()
    {
        // Those that come while the first one's unit is under way find no counter, and must not take that for a full one.
        for (var tenant = 0; tenant < FirstTenants; tenant++)
        {
            await using var store = await _first.OpenAsync(SystemTask.Run.For(Id<Tenant>.New()), Ct);
            var waves = await Task.WhenAll(Enumerable.Range(0, Used).Select(_ => Task.Run(
                async () =>
                {
                    List<Fault?> faults = [];
                    for (var i = 0; i < Used; i++) faults.Add((await store.Sessions.AddAsync(NewSession(), [], Used * Used, Ct)).Fault);
                    return faults;
                },
                Ct)));
            Assert.All(waves.SelectMany(static faults => faults), static fault => Assert.Null(fault?.Message));
        }
    }

    [Fact]
    public async Task Forks_count_as_sessions()
    {
        var origin = NewSession();
        Assert.Null((await _stores[0].Sessions.AddAsync(origin, [], Used, Ct)).Fault);
        await OneOfManyAsync(async store => (await ForkAsync(store, origin)).Fault, added: 1);
    }

    [Fact]
    public async Task A_process_that_starts_counts_anew()
    {
        Assert.Null((await _stores[0].Sessions.AddAsync(NewSession(), [], Used, Ct)).Fault);
        await using var other = await (await nodes[0].ReopenAsync()).OpenAsync(_scope, Ct);
        _stores[0] = other;
        for (var i = 1; i < Used; i++) Assert.Null((await other.Sessions.AddAsync(NewSession(), [], Used, Ct)).Fault);
        var full = (await other.Sessions.AddAsync(NewSession(), [], Used, Ct)).Fault!;
        Assert.Equal((FaultKind.OverLimit, "limits.sessions"), (full.Kind, full.Field));
        Assert.Contains("has 4 sessions; its limit is 4", full.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Five_hundred_agents_at_once_with_room_for_one_add_one_and_an_archived_one_makes_room()
    {
        var first = NewAgent();
        Assert.Null((await _stores[0].Agents.AddAsync(first, Used, Ct)).Fault);
        await OneOfManyAsync(async store => (await store.Agents.AddAsync(NewAgent(), Used, Ct)).Fault, added: 1);
        await _stores[0].Agents.ArchiveAsync(first.Id, Start, Ct);
        await OneOfManyAsync(async store => (await store.Agents.AddAsync(NewAgent(), Used, Ct)).Fault, added: Used - 1, calls: 50);
    }

    [Fact]
    public async Task Five_hundred_schedules_at_once_with_room_for_one_add_one_and_a_removed_one_makes_room()
    {
        var first = NewSchedule();
        Assert.True(await _stores[0].Schedules.AddAsync(first, Used, Ct));
        await OneOfManyAsync(AddAsync, added: 1);
        Assert.True(await _stores[0].Schedules.RemoveAsync(first.Id, Ct));
        await OneOfManyAsync(AddAsync, added: Used - 1, calls: 50);

        static async Task<Fault?> AddAsync(ITenantStore store) => await store.Schedules.AddAsync(NewSchedule(), Used, Ct) ? null : Fault.OverLimit("full", "Full.");
    }

    [Theory]
    [InlineData("concepts")]
    [InlineData("storage_bytes")]
    public async Task Five_hundred_sources_at_once_with_room_for_one_add_one_and_a_removed_one_makes_room(string kind)
    {
        var limits = kind == "concepts" ? Wide with { Concepts = Used } : Wide with { StorageBytes = Used * 10 };
        var first = NewSource();
        Assert.Null((await AddAsync(_stores[0], first)).Fault);
        await OneOfManyAsync(async store => (await AddAsync(store, NewSource())).Fault, added: 1);
        await _stores[0].Knowledge.RemoveAsync(first.Id, Ct);
        await OneOfManyAsync(async store => (await AddAsync(store, NewSource())).Fault, added: Used - 1, calls: 50);

        Task<Result<long>> AddAsync(ITenantStore store, KnowledgeSource source) =>
            store.Knowledge.AddAsync(source, [new StoredPassage(source.Id, 0, "", "text")], null, limits, Ct);
    }

    /// <summary>Fills up to one less than the limit, then calls from all nodes at once.</summary>
    private async Task OneOfManyAsync(Func<ITenantStore, Task<Fault?>> add, int added, int calls = Calls)
    {
        for (var i = added; i < Used - 1; i++) Assert.Null(await add(_stores[i % _stores.Length]));
        var faults = await Task.WhenAll(Enumerable.Range(0, calls).Select(call => Task.Run(() => add(_stores[call % _stores.Length]), Ct)));
        Assert.Single(faults, static fault => fault is null);
        Assert.All(faults.OfType<Fault>(), static fault => Assert.Equal(FaultKind.OverLimit, fault.Kind));
    }

    private async Task RemoveAsync(Session session) => await _stores[^1].Sessions.RemoveAsync(session.Id, static _ => null, Ct);

    private static async Task<Result<(Session Session, IReadOnlyList<SessionEvent> Events)>> ForkAsync(ITenantStore store, Session origin) =>
        (await store.Sessions.ForkAsync(
            origin.Id,
            static session => new SessionUpdate(session with { Id = Id<Session>.New(), ForkedFrom = new(session.Id, 0) }, [new NewEvent(new SessionForked(session.Id, 0))]),
            Used,
            Ct))!.Value;

    private static KnowledgeSource NewSource() => new(Id<KnowledgeSource>.New(), Id<KnowledgeSource>.New().ToString(), "00ff", "text/plain", 10, 1, new Dictionary<string, string>(), Start);

    private static Agent NewAgent() => new(Id<Agent>.New(), 1, new AgentDefinition { Name = "agent", Model = new("insula/scripted") }, Start, Start, null);

    private static Session NewSession() => new(
        Id<Session>.New(), Id<Agent>.New(), 1, NewAgent().Definition, Id<AgentEnvironment>.New(), null, new Dictionary<string, string>(), null, SessionStatus.Idle, 0, 0, false, default, 0, Start, Start, null);

    private static Schedule NewSchedule() => new(
        Id<Schedule>.New(),
        new ScheduleDefinition(
            "s", "@daily", "UTC", Id<Agent>.New(), Id<AgentEnvironment>.New(), null, [new UserMessage([ContentBlock.OfText("hi")])], MissedPolicy.RunOnce, OverlapPolicy.Skip, null, null, new Dictionary<string, string>()),
        PausedAt: null,
        Start,
        Start,
        Start);
}
