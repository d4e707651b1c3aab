using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Kills PostgreSQL without warning, again and again, while clients of every placement append, runs are under way and
/// watchers watch. The node stays up: while the database is away it says so and when to come again, and after that it goes
/// on by itself. In the end every log is read: what was acknowledged is there once, and every run came to its end.
/// </summary>
public sealed class DatabaseKillTests(ITestOutputHelper output)
{
    private const int Kills = 30;
    private const int SessionsEach = 2;
    private const int AcknowledgedPerCycleMax = 24;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Thirty_kills_of_PostgreSQL_lose_and_double_nothing_and_the_node_goes_on()
    {
        using var folder = new TempFolder();
        await using var postgres = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        var database = await postgres.CreateDatabaseAsync(Ct);
        await using var insula = await Cluster.StartNodeAsync(folder, database, Ct);
        var acknowledged = new Acknowledged();
        var sessions = await PlacedSession.MakeAsync(insula, SessionsEach, Ct);
        var clients = sessions.Select(static placed => placed.TenantKey).Distinct().ToDictionary(static key => key, insula.Client);
        using var load = new Load(
            [.. sessions.Select(session => new Writer(session, acknowledged, (placed, body) => SendAsync(clients[placed.TenantKey], placed, body)))],
            [.. sessions.Select(session => new Watcher(session, () => clients[session.TenantKey]))],
            () => insula.Log);
        var random = new Random(20261123);
        List<TimeSpan> recoveries = [], outages = [];

        for (var kill = 0; kill < Kills; kill++)
        {
            // Runs go on a moment after the database is back: the kill is to meet some under way.
            load.BeginRound();
            var (before, enough, answers) = (acknowledged.Count, random.Next(1, AcknowledgedPerCycleMax), load.Answers);
            await load.UntilAsync("messages are taken and answered", () => acknowledged.Count - before >= enough && load.Answers > answers, Ct);
            await postgres.KillAsync(Ct);
            var killed = TimeProvider.System.GetTimestamp();
            load.BeginRound();
            await AssertAwayAsync(insula, clients.Values);
            await load.UntilAsync("every writer is refused", () => load.Writers.All(static writer => writer.Failed), Ct);

            await postgres.RestartAsync(Ct);
            var accepting = TimeProvider.System.GetTimestamp();
            await load.UntilAsync("every writer is served again", () => load.Writers.All(static writer => writer.FirstSuccess is not null), Ct);
            outages.Add(TimeProvider.System.GetElapsedTime(killed, accepting));
            recoveries.AddRange(load.Writers.Select(writer => TimeProvider.System.GetElapsedTime(accepting, writer.FirstSuccess!.Value)));
            using var ready = await clients.Values.First().GetAsync("/readyz", Ct);
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        }

        await load.StopAsync();
        var logs = new List<StreamedEvent>();
        foreach (var placed in sessions) logs.AddRange(await SettledLogs.ReadAsync(clients[placed.TenantKey], placed.Session, Ct));
        output.WriteLine($"{Kills} kills of PostgreSQL, {acknowledged.AssertKeptIn(logs)}; {load.Failures} refusals; {load.Watched}.");
        output.WriteLine($"Away for {Quantiles.Of(outages)}. From PostgreSQL accepting to each client's next success: {Quantiles.Of(recoveries)}.");
        Assert.DoesNotContain("Unexpected error", insula.Log, StringComparison.Ordinal);
    }

    /// <summary>The node lives, says that it cannot serve, and refuses each placement's requests with when to come again.</summary>
    private static async Task AssertAwayAsync(InsulaProcess insula, IEnumerable<HttpClient> clients)
    {
        using var nobody = new HttpClient { BaseAddress = insula.Url };
        using var alive = await nobody.GetAsync("/healthz", Ct);
        Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
        using var ready = await nobody.GetAsync("/readyz", Ct);
        await Refusal.AssertAwayAsync(ready, Ct);
        foreach (var client in clients)
        {
            using var own = await client.GetAsync("/api/v1/knowledge/sources", Ct);
            await Refusal.AssertAwayAsync(own, Ct);
            using var keys = await client.GetAsync("/api/v1/keys", Ct);
            await Refusal.AssertAwayAsync(keys, Ct);
        }
    }

    private static async Task<JsonObject?> SendAsync(HttpClient client, PlacedSession placed, object body)
    {
        // The node stays up, so a broken connection is no excuse.
        using var answer = await client.PostAsJsonAsync(placed.Events, body, Ct);
        if (answer.IsSuccessStatusCode) return await answer.Content.ReadFromJsonAsync<JsonObject>(Ct);
        await Refusal.AssertAwayAsync(answer, Ct);
        return null;
    }
}
