using System.Collections.Concurrent;
using System.Text.Json;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>Real runs of several tenants that contend for few workers.</summary>
public abstract class FairTurnsTests(TestStore store)
{
    private const int Workers = 3;
    private const int Queued = 120;

    private static ParallelOptions Several => new() { MaxDegreeOfParallelism = 8, CancellationToken = Ct };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task One_run_starts_within_a_round_though_another_tenant_queued_hundreds_before()
    {
        await using var host = await store.StartAsync(
            new TestHostOptions { Services = static services => services.AddSingleton(new RunOptions { WorkersMax = Workers }) }, Ct);
        var (crowd, lone) = (await host.CreateTenantAsync("crowd", Ct), await host.CreateTenantAsync("lone", Ct));
        var sessions = await MakeSessionsAsync(crowd.Client, Queued);
        var one = await lone.Client.StartSessionAsync(Ct);
        await Parallel.ForEachAsync(sessions, Several, async (session, ct) => await crowd.Client.SayAsync(session, "!sleep 250", ct));
        var asked = TimeProvider.System.GetUtcNow();
        await lone.Client.SayAsync(one, "!sleep 1", Ct);

        var last = new QueuedSession(Id<Tenant>.Parse(crowd.Id), Id<Session>.Parse(sessions[^1]));
        var place = (await host.Services.GetRequiredService<FindPlace>().FindAsync(last, Ct))!;
        Assert.True(place is { Reason: QueueReason.Turn or QueueReason.WorkersBusy, Ahead: > 10, EstimatedStart: not null }, $"{place}");

        using var reader = await EventReader.OpenAsync(lone.Client, one, after: 0, Ct);
        await reader.UntilAsync("session.status_idle", Ct);
        var started = (await StartedAsync(lone.Client, one))!.Value;
        var between = 0;
        foreach (var session in sessions)
        {
            if (await StartedAsync(crowd.Client, session) is { } at && at > asked && at < started) between++;
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"Started after {started - asked}, {between} of the others' {Queued} in between.");
        Assert.InRange(between, 0, Workers);
    }

    private static async Task<List<string>> MakeSessionsAsync(HttpClient client, int count)
    {
        var agent = (await client.MakeAsync("/v1/agents", new { name = "scripted", model = "insula/scripted" }, Ct)).Id();
        var environment = (await client.MakeAsync("/v1/environments", new { name = "e" }, Ct)).Id();
        ConcurrentBag<string> made = [];
        await Parallel.ForEachAsync(Enumerable.Range(0, count), Several, async (_, ct) => made.Add((await client.MakeAsync("/v1/sessions", new { agent, environment_id = environment }, ct)).Id()));
        return [.. made];
    }

    /// <summary>When a run took the session's message up; null when none did yet.</summary>
    private static async Task<DateTimeOffset?> StartedAsync(HttpClient client, string session)
    {
        var first = (await client.FetchAsync($"/v1/sessions/{session}/events?limit=1", Ct)).GetProperty("data")[0];
        return first.GetProperty("processed_at") is { ValueKind: JsonValueKind.String } at ? at.GetDateTimeOffset() : null;
    }
}

public sealed class FairTurnsEmbeddedTests(EmbeddedStore store) : FairTurnsTests(store), IClassFixture<EmbeddedStore>;

public sealed class FairTurnsOnPostgresTests(PostgresStore store) : FairTurnsTests(store), IClassFixture<PostgresStore>;
