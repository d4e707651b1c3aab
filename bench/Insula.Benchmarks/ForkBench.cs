using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Benchmarks;

/// <summary>Forks of a short log and of a long one, and pages read from a log that is a fork's and from one that is not. One caller.</summary>
internal static class ForkBench
{
    private const int PageSize = 100;

    public static async Task<IReadOnlyList<Slice>> OnSqliteAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        using var folder = new TempFolder();
        await using var services = new ServiceCollection().AddLogging().AddSingleton(TimeProvider.System).AddSqliteStorage(new StorageOptions { DataFolder = folder.Path }).BuildServiceProvider();
        await services.GetRequiredService<SqliteStorage>().OpenAsync(ct);
        return await MeasureAsync(services.GetRequiredService<ITenantStores>(), SystemTask.Provision.For(Id<Tenant>.New()), rounds, slice, ct);
    }

    public static async Task<IReadOnlyList<Slice>> OnPostgresAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        await using var home = await PostgresHome.StartAsync(ct);
        return await MeasureAsync(home.Stores, SystemTask.Provision.For((await home.AddTenantAsync(Placement.Shared, ct)).Id), rounds, slice, ct);
    }

    private static async Task<IReadOnlyList<Slice>> MeasureAsync(ITenantStores stores, TenantScope scope, int rounds, TimeSpan slice, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        var sessions = store.Sessions;
        var (brief, lengthy) = (await AddAsync(sessions, 10, ct), await AddAsync(sessions, 10_000, ct));
        var fork = await ForkAsync(sessions, lengthy, 10_000, ct);
        return await Slices.TakeTurnsAsync(
            rounds,
            ("fork at event 10", () => RepeatAsync(slice, () => ForkAsync(sessions, brief, 10, ct)), null),
            ("fork at event 10,000", () => RepeatAsync(slice, () => ForkAsync(sessions, lengthy, 10_000, ct)), null),
            ($"read {PageSize} events, no fork", () => RepeatAsync(slice, () => sessions.ReadAsync(lengthy, 5_000, PageSize, ct)), null),
            ($"read {PageSize} events before the fork point", () => RepeatAsync(slice, () => sessions.ReadAsync(fork, 5_000, PageSize, ct)), null));
    }

    private static async Task<long> RepeatAsync(TimeSpan slice, Func<Task> act)
    {
        long count = 0;
        for (var began = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(began) < slice; count++) await act();
        return count;
    }

    private static async Task<Id<Session>> AddAsync(ISessionStore sessions, int events, CancellationToken ct)
    {
        var now = TimeProvider.System.GetUtcNow();
        var session = new Session(
            Id<Session>.New(), Id<Agent>.New(), 1, new AgentDefinition { Name = "bench", Model = new("insula/scripted") }, Id<AgentEnvironment>.New(), null, new Dictionary<string, string>(), null,
            SessionStatus.Idle, 0, 0, false, default, 0, now, now, null);
        await sessions.AddAsync(session, [.. Enumerable.Range(0, events).Select(static _ => new NewEvent(new AgentMessage([ContentBlock.OfText(new string('x', 200))])))], ct);
        return session.Id;
    }

    private static async Task<Id<Session>> ForkAsync(ISessionStore sessions, Id<Session> origin, long at, CancellationToken ct)
    {
        var made = await sessions.ForkAsync(
            origin, session => new SessionUpdate(session with { Id = Id<Session>.New(), ForkedFrom = new(origin, at), LastSeq = at }, [new(new SessionForked(origin, at))]), ct);
        return made!.Value.Value.Session.Id;
    }
}
