using System.Text.Json;
using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.TestKit.Runs;

/// <summary>
/// The runs on real SQLite files, without HTTP: one node's worth of engine with a model whose words the test says. Two of
/// them on one folder, one after the other, are a restart.
/// </summary>
public sealed class RunHarness : IAsyncDisposable
{
    /// <summary>How long a run waits for an answer here; short, since the clock is moved by hand past every timer on the way.</summary>
    public static readonly TimeSpan AnswerWait = TimeSpan.FromMinutes(5);

    private readonly ServiceProvider _services;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    private RunHarness(ServiceProvider services, ManualClock clock)
    {
        _services = services;
        Clock = clock;
    }

    public PuppetModel Model { get; } = new();

    public ManualClock Clock { get; }

    public TenantScope Scope { get; private init; } = SystemTask.Run.For(Id<Tenant>.New());

    /// <summary>How many runs the tenant may have at work; 0 as while suspended.</summary>
    public int Allowed { get; set; } = 10;

    public Limits Limits { get; set; } = new(1_000, 10_000, 1_000, 1_000, 100, 1_000_000, 1_000_000_000);

    /// <summary>Happens when the dispatcher has read <see cref="Allowed"/> and has not yet acted on it.</summary>
    public Func<Task>? OnceAllowedIsRead { get; set; }

    public ITenantStores Stores => _services.GetRequiredService<ITenantStores>();

    public IRunQueue Queue => _services.GetRequiredService<IRunQueue>();

    public SessionFeed Feed => _services.GetRequiredService<SessionFeed>();

    /// <summary>May be changed while the node runs.</summary>
    public RunOptions Options => _services.GetRequiredService<RunOptions>();

    public RunDispatcher Dispatcher => _services.GetRequiredService<RunDispatcher>();

    /// <summary>A node that is alone on the folder.</summary>
    public static Task<RunHarness> StartAsync(string folder, CancellationToken ct, TenantScope? scope = null, params BuiltInTool[] tools) =>
        StartAsync(services => services.AddSqliteStorage(new StorageOptions { DataFolder = folder }), time: null, scope ?? SystemTask.Run.For(Id<Tenant>.New()), ct, tools);

    /// <param name="storage">Registers the stores, and the installed storage when it is this node's to open.</param>
    /// <param name="time">The node's clock; null for <see cref="Clock"/>.</param>
    public static async Task<RunHarness> StartAsync(Action<IServiceCollection> storage, TimeProvider? time, TenantScope scope, CancellationToken ct, params BuiltInTool[] tools)
    {
        var clock = new ManualClock();
        RunHarness? harness = null;
        var services = new ServiceCollection()
            .AddLogging()
            .AddMetrics()
            .AddSingleton(time ?? clock)
            .AddSingleton<AccessSignals>()
            .AddSingleton<IModelProvider>(_ => harness!.Model)
            .AddSingleton(new ModelOptions())
            .AddSingleton<ModelCatalog>()
            .AddRuns(new RunOptions { StepsMax = 20, AnswerWait = AnswerWait })
            .AddSingleton<RunShareOf>(_ => (_, _) => harness!.ReadAllowedAsync())
            .AddSingleton<AllowWork>(_ => (_, _, _) => new(harness!.Limits));
        storage(services);
        foreach (var tool in tools) services.AddSingleton(tool);
        harness = new RunHarness(services.BuildServiceProvider(), clock) { Scope = scope };
        if (harness._services.GetService<InstalledStorage>() is { } installed) await installed.OpenAsync(ct);
        harness._running = harness.Dispatcher.RunAsync(harness._stop.Token);
        return harness;
    }

    /// <summary>A session on an agent of the puppet's, with these tools.</summary>
    public async Task<Id<Session>> AddSessionAsync(CancellationToken ct, params ToolEntry[] tools)
    {
        var now = Clock.GetUtcNow();
        var definition = new AgentDefinition { Name = "puppet", Model = new ModelChoice("puppet/strings"), Tools = tools };
        var agent = new Agent(Id<Agent>.New(), 1, definition, now, now, ArchivedAt: null);
        var environment = new AgentEnvironment(
            Id<AgentEnvironment>.New(), "test", Description: null, JsonDocument.Parse("{}").RootElement, new Dictionary<string, string>(), now, now, ArchivedAt: null);
        var session = new Session(
            Id<Session>.New(), agent.Id, 1, definition, environment.Id, Title: null, new Dictionary<string, string>(), Budget: null,
            SessionStatus.Idle, 0, 0, PendingInput: false, default, 0, now, now, ArchivedAt: null);
        await using var store = await Stores.OpenAsync(Scope, ct);
        await store.Agents.AddAsync(agent, ct);
        await store.Environments.AddAsync(environment, ct);
        await store.Sessions.AddAsync(session, [], ct);
        return session.Id;
    }

    public Task<Id<SessionEvent>> SayAsync(Id<Session> session, string text, CancellationToken ct) =>
        SendAsync(session, new UserMessage([ContentBlock.OfText(text)]), ct);

    /// <summary>Says it while a worker settles the queue entry before the message is in the log.</summary>
    public Task SayOverHastyQueueAsync(Id<Session> session, string text, CancellationToken ct) =>
        new SessionWork(Stores, new HastyQueue(Queue), Dispatcher, Feed, _services.GetRequiredService<AllowWork>(), Clock)
            .SubmitAsync(Scope, session, _ => (NewEvent[])[new NewEvent(new UserMessage([ContentBlock.OfText(text)]))], ct);

    public async Task<Id<SessionEvent>> SendAsync(Id<Session> session, InputBody body, CancellationToken ct)
    {
        var appended = await _services.GetRequiredService<SessionWork>().SubmitAsync(Scope, session, _ => (NewEvent[])[new NewEvent(body)], ct);
        return appended!.Value.Value[0].Id;
    }

    public Task<Result<Session>> ForkAsync(Id<Session> origin, long at, IReadOnlyList<InputBody> events, CancellationToken ct) =>
        new ForkSession(_services.GetRequiredService<SessionWork>(), _services.GetRequiredService<IAuditLog>(), Clock).ForkAsync(Scope, origin, at, events, ct);

    public Task<Result<Done>> DeleteAsync(Id<Session> session, CancellationToken ct) =>
        new DeleteSession(Stores, _services.GetRequiredService<SessionWork>(), Feed, _services.GetRequiredService<IBudgetStore>(), _services.GetRequiredService<IAuditLog>(), Clock).DeleteAsync(Scope, session, ct);

    public async Task<IReadOnlyList<Run>> RunsAsync(Id<Session> session, CancellationToken ct)
    {
        await using var store = await Stores.OpenAsync(Scope, ct);
        return (await store.Runs.ListAsync(new RunFilter { Session = session }, new PageRequest(100, null), ct)).Items;
    }

    /// <summary>The session may have work, as somebody says who wrote nothing to its log.</summary>
    public async Task WakeAsync(Id<Session> session, CancellationToken ct)
    {
        await Queue.WakeAsync(Scope.Tenant, session, default, ct);
        Dispatcher.Signal(Scope.Tenant, session, interrupt: false);
    }

    /// <summary>The log as it stands when the <paramref name="times"/>-th event of type <typeparamref name="T"/> is in it.</summary>
    public async Task<IReadOnlyList<SessionEvent>> UntilAsync<T>(Id<Session> session, CancellationToken ct, int times = 1)
        where T : EventBody
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        await foreach (var item in Feed.WatchAsync(Scope, session, afterSeq: 0, limit.Token))
        {
            if (item is LoggedEvent { Event.Body: T } && --times == 0) return await LogAsync(session, ct);
        }

        throw new InvalidOperationException("The session is gone.");
    }

    public async Task<IReadOnlyList<SessionEvent>> LogAsync(Id<Session> session, CancellationToken ct)
    {
        await using var store = await Stores.OpenAsync(Scope, ct);
        return await store.Sessions.ReadAsync(session, 0, 1000, ct);
    }

    public async Task<Session> SessionAsync(Id<Session> session, CancellationToken ct)
    {
        await using var store = await Stores.OpenAsync(Scope, ct);
        return (await store.Sessions.FindAsync(session, ct))!;
    }

    /// <summary>An orderly stop: the step under way is cut off, and its run stays open in the log.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    private async ValueTask<RunShare> ReadAllowedAsync()
    {
        var allowed = Allowed;
        if (OnceAllowedIsRead is { } happening)
        {
            OnceAllowedIsRead = null;
            await happening();
        }

        return new RunShare(allowed);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _services.DisposeAsync();
        _stop.Dispose();
    }
}
