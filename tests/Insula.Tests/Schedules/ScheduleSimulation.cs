using System.Text.Json;
using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Insula.Tests.Schedules;

/// <summary>
/// Several nodes that look at one schedule on real SQLite files, and that die between any two of their steps. No run is
/// carried out: what counts is what was sent.
/// </summary>
internal sealed class ScheduleSimulation : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ServiceProvider _services;
    private readonly List<(ScheduleWatch Watch, Mortal Life)> _nodes = [];
    private Tenant _tenant = null!;

    private ScheduleSimulation() => _services = new ServiceCollection()
        .AddLogging().AddMetrics()
        .AddSingleton<TimeProvider>(Clock)
        .AddSingleton<AccessSignals>()
        .AddSingleton(new ModelOptions()).AddSingleton<ModelCatalog>()
        .AddSqliteStorage(new StorageOptions { DataFolder = _folder.Path })
        .AddRuns(new RunOptions())
        .AddSingleton<RunShareOf>(static _ => static (_, _) => new(RunShare.None))
        .AddSingleton<AllowWork>(static _ => static (_, _, _) => new(new PlanCatalog().Find("enterprise")!.Limits))
        .BuildServiceProvider();

    public ManualClock Clock { get; } = new();

    public Schedule Schedule { get; private set; } = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private TenantScope Scope => SystemTask.Schedule.For(_tenant.Id);

    public static ScheduleDefinition Definition(string cron, OverlapPolicy overlap) => new(
        "law", cron, "UTC", Id<Agent>.New(), Id<AgentEnvironment>.New(), null, [new UserMessage([ContentBlock.OfText("go")])], MissedPolicy.RunAll, overlap, null, null, new Dictionary<string, string>());

    public static List<DateTimeOffset> Moments(CronTimes times, DateTimeOffset after, DateTimeOffset until)
    {
        List<DateTimeOffset> moments = [];
        while (times.Next(after) is { } next && next <= until) moments.Add(after = next);
        return moments;
    }

    /// <param name="intoOne">Whether every firing goes to one session.</param>
    public static async Task<ScheduleSimulation> StartAsync(int nodes, ScheduleDefinition definition, bool intoOne)
    {
        var simulation = new ScheduleSimulation();
        await simulation._services.GetRequiredService<SqliteStorage>().OpenAsync(Ct);
        var now = simulation.Clock.GetUtcNow();
        simulation._tenant = new Tenant(Id<Tenant>.New(), "t", null, "pro", Placement.File, "main", TenantStatus.Active, LimitOverrides.None, now, now, null, null);
        var record = new AuditRecord(simulation._tenant.Id, new Principal("operator", "test"), "tenant.create", "t", null, now);
        await simulation._services.GetRequiredService<ITenantDirectory>().AddAsync(simulation._tenant, null, record, Ct);
        await simulation.PrepareAsync(definition, intoOne, now);
        for (var node = 0; node < nodes; node++) simulation.AddNode();
        return simulation;
    }

    /// <summary>One look of a node, which dies at its <paramref name="diesAt"/>-th step, if it gets so far; then another one stands in its place.</summary>
    public async Task LookAsync(int node, int diesAt)
    {
        var at = node % _nodes.Count;
        _nodes[at].Life.Left = diesAt;
        try
        {
            await _nodes[at].Watch.LookAsync(Ct);
        }
        catch (InvalidOperationException) when (_nodes[at].Life.Left == 0)
        {
            // Died before it had anything.
        }

        if (_nodes[at].Life.Left > 0) return;
        _nodes.RemoveAt(at);
        AddNode();
    }

    public async Task SuspendAsync(bool suspended)
    {
        var changed = _tenant with { Status = suspended ? TenantStatus.Suspended : TenantStatus.Active, UpdatedAt = _tenant.UpdatedAt.AddTicks(10) };
        var record = new AuditRecord(_tenant.Id, new Principal("operator", "test"), "tenant.suspend", "t", null, Clock.GetUtcNow());
        if (await _services.GetRequiredService<ITenantDirectory>().ReplaceAsync(_tenant, changed, record, Ct)) _tenant = changed;
    }

    public async Task<List<Firing>> HistoryAsync()
    {
        await using var store = await _services.GetRequiredService<ITenantStores>().OpenAsync(Scope, Ct);
        return [.. (await store.Schedules.ListFiringsAsync(Schedule.Id, outcome: null, new PageRequest(1000, null), Ct)).Items.Reverse()];
    }

    /// <summary>The messages of all sessions, by the session and the event's id.</summary>
    public async Task<List<(Id<Session> Session, Id<SessionEvent> Event)>> SentAsync()
    {
        await using var store = await _services.GetRequiredService<ITenantStores>().OpenAsync(Scope, Ct);
        List<(Id<Session>, Id<SessionEvent>)> sent = [];
        foreach (var session in (await store.Sessions.ListAsync(new SessionFilter(), new PageRequest(1000, null), Ct)).Items)
        {
            sent.AddRange((await store.Sessions.ReadAsync(session.Id, 0, 1000, Ct)).Where(static e => e.Body is UserMessage).Select(e => (session.Id, e.Id)));
        }

        return sent;
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    private async Task PrepareAsync(ScheduleDefinition definition, bool intoOne, DateTimeOffset now)
    {
        await using var store = await _services.GetRequiredService<ITenantStores>().OpenAsync(Scope, Ct);
        var agent = new Agent(definition.AgentId!.Value, 1, new AgentDefinition { Name = "a", Model = new ModelChoice("puppet/strings") }, now, now, ArchivedAt: null);
        var environment = new AgentEnvironment(definition.EnvironmentId!.Value, "e", null, JsonDocument.Parse("{}").RootElement, new Dictionary<string, string>(), now, now, ArchivedAt: null);
        await store.Agents.AddAsync(agent, Ct);
        await store.Environments.AddAsync(environment, Ct);
        if (intoOne)
        {
            var session = new Session(
                Id<Session>.New(), agent.Id, 1, agent.Definition, environment.Id, null, new Dictionary<string, string>(), null, SessionStatus.Idle, 0, 0, PendingInput: false, default, 0, now, now, null);
            await store.Sessions.AddAsync(session, [], Ct);
            definition = definition with { AgentId = null, EnvironmentId = null, SessionId = session.Id };
        }

        Schedule = new Schedule(Id<Schedule>.New(), definition, PausedAt: null, now, now, now);
        await store.Schedules.AddAsync(Schedule, 10, Ct);
        await _services.GetRequiredService<IScheduleAlarms>().WakeAsync(_tenant.Id, Schedule.Id, now, Ct);
    }

    private void AddNode()
    {
        var life = new Mortal();
        var stores = new MortalStores(_services.GetRequiredService<ITenantStores>(), life);
        var audit = new MortalAudit(_services.GetRequiredService<IAuditLog>(), life);
        var work = _services.GetRequiredService<SessionWork>();
        var metrics = new ScheduleMetrics(_services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>());
        var fire = new FireSchedule(stores, new CreateSession(stores, work, audit, Clock), new SendEvents(stores, work), metrics, new MortalClock(Clock, life), NullLogger<FireSchedule>.Instance);
        var alarms = new MortalAlarms(_services.GetRequiredService<IScheduleAlarms>(), life);
        _nodes.Add((new ScheduleWatch(alarms, fire, Node.New(alone: false), metrics, Clock, NullLogger<ScheduleWatch>.Instance), life));
    }

    /// <summary>Steps left before a node dies. A dead one does nothing more.</summary>
    private sealed class Mortal
    {
        public int Left { get; set; } = int.MaxValue;

        public void Step()
        {
            if (Left == 0 || --Left == 0) throw new InvalidOperationException("The node died.");
        }
    }

    private sealed class MortalStores(ITenantStores stores, Mortal life) : ITenantStores
    {
        public ValueTask<ITenantStore> OpenAsync(TenantScope scope, CancellationToken ct)
        {
            life.Step();
            return stores.OpenAsync(scope, ct);
        }
    }

    /// <summary>The record of a new session stands between its making and the outcome of the firing.</summary>
    private sealed class MortalAudit(IAuditLog audit, Mortal life) : IAuditLog
    {
        public Task AppendAsync(AuditRecord record, CancellationToken ct)
        {
            life.Step();
            return audit.AppendAsync(record, ct);
        }

        public Task<Page<AuditRecord>> ListAsync(Id<Tenant>? tenant, PageRequest page, CancellationToken ct) => audit.ListAsync(tenant, page, ct);
    }

    /// <summary>A firing asks for the time between what it sends and the record of its outcome.</summary>
    private sealed class MortalClock(TimeProvider clock, Mortal life) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow()
        {
            life.Step();
            return clock.GetUtcNow();
        }
    }

    private sealed class MortalAlarms(IScheduleAlarms alarms, Mortal life) : IScheduleAlarms
    {
        public Task WakeAsync(Id<Tenant> tenant, Id<Schedule> schedule, DateTimeOffset at, CancellationToken ct) => alarms.WakeAsync(tenant, schedule, at, ct);

        public Task<IReadOnlyList<ScheduleAlarm>> ListDueAsync(TimeSpan length, int limit, CancellationToken ct) => alarms.ListDueAsync(length, limit, ct);

        public async Task<HeldAlarm?> TryTakeAsync(ScheduleAlarm alarm, Id<Node> node, TimeSpan length, CancellationToken ct)
        {
            var held = await alarms.TryTakeAsync(alarm, node, length, ct);
            life.Step();
            return held;
        }

        public async Task SettleAsync(HeldAlarm held, Id<Node> node, DateTimeOffset? next, CancellationToken ct)
        {
            life.Step();
            await alarms.SettleAsync(held, node, next, ct);
            life.Step();
        }
    }
}
