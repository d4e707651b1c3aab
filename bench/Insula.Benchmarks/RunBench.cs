using Insula.TestKit;
using Insula.TestKit.Processes;

namespace Insula.Benchmarks;

/// <summary>
/// A whole run over HTTP on <c>insula/scripted</c>: create a session, open its stream, send one message, read to idle.
/// The program is a process of its own; client and program share the machine.
/// </summary>
internal static class RunBench
{
    public static async Task<IReadOnlyList<Slice>> MeasureAsync(int rounds, TimeSpan slice, CancellationToken ct)
    {
        using var folder = new TempFolder();
        await using var insula = await InsulaProcess.StartAsync(folder.Path, ct);
        using var platform = insula.Client(insula.Started.OperatorKey!);
        var (_, key) = await platform.CreateTenantAsync("bench", ct);
        using var client = insula.Client(key);
        var (agent, environment) = await client.CreateAgentAsync("insula/scripted", ct);
        using var disk = new RawDisk(folder.Path);
        return await Slices.TakeTurnsAsync(
            rounds,
            ("raw fdatasync, 1 KB", () => disk.SyncForAsync(slice), null),
            ("runs, c=1", () => RunForAsync(client, agent, environment, 1, slice, ct), insula.Pid),
            ("runs, c=16", () => RunForAsync(client, agent, environment, 16, slice, ct), insula.Pid));
    }

    /// <summary>Runs of one step, one after the other in each of so many lines, until the time is over; how many.</summary>
    public static async Task<long> RunForAsync(HttpClient client, string agent, string environment, int concurrency, TimeSpan slice, CancellationToken ct)
    {
        long count = 0;
        var began = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(
            async () =>
            {
                while (TimeProvider.System.GetElapsedTime(began) < slice)
                {
                    await RunOnceAsync(client, agent, environment, ct);
                    Interlocked.Increment(ref count);
                }
            },
            ct)));
        return count;
    }

    private static async Task RunOnceAsync(HttpClient client, string agent, string environment, CancellationToken ct)
    {
        var session = await client.CreateSessionAsync(agent, environment, ct);
        await client.SendAsync(session, "!text hello\n!usage 10 5", ct);
        var answered = false;
        await foreach (var e in client.WatchAsync(session, after: 0, ct))
        {
            answered |= e.Type == "agent.message" && e.Data["content"]![0]!["text"]!.GetValue<string>() == "hello";
            if (e.Type == "session.status_idle") break;
        }

        if (!answered) throw new InvalidOperationException("The run ended without its answer.");
    }
}
