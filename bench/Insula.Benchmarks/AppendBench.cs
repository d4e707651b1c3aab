using Insula.Agents;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Sessions;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Benchmarks;

/// <summary>
/// Event appends to the tenant store in process, 1 KB each. Alone, an append has an fsync of its own (class D-sync);
/// together, those that wait share one (class D-group). There is no class that is acknowledged before it is durable.
/// </summary>
internal static class AppendBench
{
    private static readonly string Text = new('x', 1024);

    public static async Task<IReadOnlyList<Slice>> MeasureAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        using var folder = new TempFolder();
        await using var services = new ServiceCollection().AddLogging().AddSqliteStorage(new StorageOptions { DataFolder = Path.Combine(folder.Path, "data") }).BuildServiceProvider();
        await services.GetRequiredService<SqliteStorage>().OpenAsync(ct);
        var stores = services.GetRequiredService<ITenantStores>();
        var scope = SystemTask.Provision.For(Id<Tenant>.New());
        var sessions = await AddSessionsAsync(stores, scope, 64, ct);
        using var disk = new RawDisk(folder.Path);
        return await Slices.TakeTurnsAsync(
            rounds,
            ("raw fdatasync, 1 KB", () => disk.SyncForAsync(slice), null),
            ("append, D-sync, c=1", () => AppendForAsync(stores, scope, sessions[..1], slice, ct), Environment.ProcessId),
            ("append, D-group, c=16", () => AppendForAsync(stores, scope, sessions[..16], slice, ct), Environment.ProcessId),
            ("append, D-group, c=64", () => AppendForAsync(stores, scope, sessions, slice, ct), Environment.ProcessId));
    }

    /// <summary>Sessions to append to, of one agent.</summary>
    public static async Task<Id<Session>[]> AddSessionsAsync(ITenantStores stores, TenantScope scope, int count, CancellationToken ct)
    {
        var now = TimeProvider.System.GetUtcNow();
        var agent = new Agent(Id<Agent>.New(), 1, new AgentDefinition { Name = "bench", Model = new ModelChoice("insula/scripted") }, now, now, ArchivedAt: null);
        var environment = new AgentEnvironment(Id<AgentEnvironment>.New(), "bench", Description: null, System.Text.Json.JsonDocument.Parse("{}").RootElement, new Dictionary<string, string>(), now, now, ArchivedAt: null);
        await using var store = await stores.OpenAsync(scope, ct);
        await store.Agents.AddAsync(agent, ct);
        await store.Environments.AddAsync(environment, ct);
        var ids = new Id<Session>[count];
        for (var i = 0; i < count; i++)
        {
            ids[i] = Id<Session>.New();
            await store.Sessions.AddAsync(
                new Session(ids[i], agent.Id, 1, agent.Definition, environment.Id, Title: null, new Dictionary<string, string>(), Budget: null, SessionStatus.Idle, 0, 0, PendingInput: false, default(TokenUsage), 0, now, now, ArchivedAt: null),
                [],
                ct);
        }

        return ids;
    }

    /// <summary>Appends one event after the other to each session, all sessions at once, until the time is over; how many.</summary>
    public static async Task<long> AppendForAsync(ITenantStores stores, TenantScope scope, Id<Session>[] sessions, TimeSpan slice, CancellationToken ct)
    {
        long count = 0;
        var began = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(sessions.Select(session => Task.Run(
            async () =>
            {
                while (TimeProvider.System.GetElapsedTime(began) < slice)
                {
                    await using var store = await stores.OpenAsync(scope, ct);
                    var appended = await store.Sessions.AppendInputAsync(
                        session, [new NewEvent(new UserMessage([ContentBlock.OfText(Text)]))], static _ => null, TimeProvider.System.GetUtcNow(), ct);
                    if (appended is not { Fault: null }) throw new InvalidOperationException("An append was refused.");
                    Interlocked.Increment(ref count);
                }
            },
            ct)));
        return count;
    }
}
