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
        var acknowledged = new Acknowledged();

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
            var clients = sessions.Select(session => AppendUntilDeadAsync(insula, tenantKey, session, acknowledged, () =>
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
        foreach (var session in sessions) logs.AddRange(await SettledLogs.ReadAsync(reader, session, Ct));
        output.WriteLine($"{Kills} kills, {acknowledged.AssertKeptIn(logs)}.");
    }

    private static async Task AppendUntilDeadAsync(InsulaProcess insula, string key, string session, Acknowledged acknowledged, Action onAcknowledged)
    {
        using var client = insula.Client(key);
        try
        {
            while (true)
            {
                var (marker, body) = acknowledged.Next();
                acknowledged.Add(marker, await client.PostAsync($"/v1/sessions/{session}/events", body, Ct));
                onAcknowledged();
            }
        }
        catch (HttpRequestException e) when (e.StatusCode is null)
        {
            // Killed: whether this message is in the log is unknown, and both are right.
        }
    }
}
