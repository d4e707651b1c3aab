using System.Collections.Concurrent;
using Insula.TestKit;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Kills the program without warning while clients append and runs are under way, again and again, and then reads every
/// log to its end. What was acknowledged is there once, numbers have no gap, and every run came to its end.
/// A kill does not test power loss: the page cache survives it.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Kills = 50;
    private const int Clients = 4;
    private const int AcknowledgedPerCycleMax = 24;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Fifty_kills_lose_and_double_nothing_and_every_run_ends()
    {
        using var folder = new TempFolder();
        var random = new Random(20261121);
        var acknowledged = new ConcurrentDictionary<string, string>();
        var sent = 0;

        string tenantKey;
        string[] sessions;
        await using (var insula = await InsulaProcess.StartAsync(folder.Path, Ct))
        {
            using var platform = insula.Client(insula.Started.OperatorKey!);
            (_, tenantKey) = await platform.CreateTenantAsync("crash", Ct);
            using var client = insula.Client(tenantKey);
            var (agent, environment) = await client.CreateAgentAsync("insula/scripted", Ct);
            sessions = await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => client.CreateSessionAsync(agent, environment, Ct)));
        }

        for (var kill = 0; kill < Kills; kill++)
        {
            await using var insula = await InsulaProcess.StartAsync(folder.Path, Ct);
            var enough = random.Next(1, AcknowledgedPerCycleMax);
            var reached = new TaskCompletionSource();
            var before = acknowledged.Count;
            var clients = sessions.Select(session => AppendUntilDeadAsync(insula, tenantKey, session, acknowledged, () => Interlocked.Increment(ref sent), () =>
            {
                if (acknowledged.Count - before >= enough) reached.TrySetResult();
            })).ToArray();
            await Task.WhenAny(reached.Task, Task.WhenAll(clients)).WaitAsync(TimeSpan.FromSeconds(30), Ct);
            await insula.KillAsync();
            await Task.WhenAll(clients);
            Assert.True(acknowledged.Count > before, $"Nothing was acknowledged in cycle {kill}:\n{insula.Log}");
        }

        await using var last = await InsulaProcess.StartAsync(folder.Path, Ct);
        using var reader = last.Client(tenantKey);
        var logs = new List<StreamedEvent>();
        foreach (var session in sessions) logs.AddRange(await ReadUntilSettledAsync(reader, session));

        var present = logs.Where(e => e.Type == "user.message").ToList();
        Assert.Equal(present.Count, present.Select(e => e.Data["id"]!.GetValue<string>()).Distinct().Count());
        Assert.Equal(present.Count, present.Select(Marker).Distinct().Count());
        var ids = present.ToDictionary(e => e.Data["id"]!.GetValue<string>(), Marker);
        Assert.All(acknowledged, a => Assert.Equal(a.Value, ids[a.Key]));
        output.WriteLine($"{Kills} kills, {sent} sent, {acknowledged.Count} acknowledged, {present.Count} in the logs, {logs.Count} events, {logs.Count(e => e.Type == "agent.message")} answers.");
    }

    private static async Task AppendUntilDeadAsync(
        InsulaProcess insula, string key, string session, ConcurrentDictionary<string, string> acknowledged, Func<int> next, Action onAcknowledged)
    {
        using var client = insula.Client(key);
        try
        {
            while (true)
            {
                var marker = $"marker-{next()}";
                var id = await client.SendAsync(session, $"!text thinking about {marker}\n!tool knowledge_search {{\"query\": \"{marker}\"}}\n!sleep 3\n!text done with {marker}", Ct);
                Assert.True(acknowledged.TryAdd(id, marker));
                onAcknowledged();
            }
        }
        catch (HttpRequestException e) when (e.StatusCode is null)
        {
            // Killed: whether this message is in the log is unknown, and both are right.
        }
    }

    /// <summary>The whole log, read until the session is idle with all its input taken up.</summary>
    private static async Task<List<StreamedEvent>> ReadUntilSettledAsync(HttpClient client, string session)
    {
        var log = new List<StreamedEvent>();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        await foreach (var e in client.WatchAsync(session, after: 0, limit.Token))
        {
            Assert.Equal(log.Count + 1, e.Seq);
            log.Add(e);
            if (e.Type == "session.status_idle" && await IsSettledAsync(client, session, e)) break;
        }

        Assert.Equal(log.Count(e => e.Type == "span.model_request_start"), log.Count(e => e.Type == "span.model_request_end"));
        Assert.Equal(log.Count(e => e.Type == "agent.tool_use"), log.Count(e => e.Type == "agent.tool_result"));
        return log;
    }

    /// <summary>Idle with this event as the newest of the log, and no message that waits for a run.</summary>
    private static async Task<bool> IsSettledAsync(HttpClient client, string session, StreamedEvent last)
    {
        var page = await client.GetObjectAsync($"/v1/sessions/{session}/events?order=desc&limit=1000", Ct);
        var newest = page["data"]!.AsArray();
        return newest[0]!["id"]!.GetValue<string>() == last.Data["id"]!.GetValue<string>()
            && !newest.Any(e => e!["type"]!.GetValue<string>() == "user.message" && e["processed_at"] is null);
    }

    private static string Marker(StreamedEvent message)
    {
        var text = message.Data["content"]![0]!["text"]!.GetValue<string>();
        var line = text[..text.IndexOf('\n', StringComparison.Ordinal)];
        return line[(line.LastIndexOf(' ') + 1)..];
    }
}
