using System.Diagnostics;
using System.Globalization;
using Insula.TestKit;
using Insula.TestKit.Processes;

namespace Insula.Benchmarks;

/// <summary>
/// From the start of the process to its ready line, on a data folder that exists; and the resident memory of an idle
/// program with many tenants of which some are warm (their store open, a run done, a text learnt).
/// </summary>
internal static class StartBench
{
    private const int Tenants = 1000;
    private const int Warm = 50;
    private const string OperatorKey = "benchmark-operator-key-0123456789";

    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(15);

    public static async Task WriteAsync(TextWriter to, int rounds, CancellationToken ct)
    {
        using var folder = new TempFolder();
        await PrepareAsync(folder.Path, ct);
        var starts = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            var clock = Stopwatch.StartNew();
            await using var insula = await InsulaProcess.StartAsync(folder.Path, ct, ("INSULA_OPERATOR_KEY", OperatorKey));
            starts.Add(clock.Elapsed.TotalSeconds);
            if (round == rounds - 1) await WriteMemoryAsync(to, insula, ct);
        }

        to.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Start to ready: median {Slices.Median(starts):0.00} s, range {starts.Min():0.00}–{starts.Max():0.00} s over {rounds} starts; load average {Slices.LoadAverage()}."));
        to.WriteLine();
    }

    private static async Task PrepareAsync(string folder, CancellationToken ct)
    {
        await using var insula = await InsulaProcess.StartAsync(folder, ct, ("INSULA_OPERATOR_KEY", OperatorKey));
        await insula.StopAsync(ct);
    }

    private static async Task WriteMemoryAsync(TextWriter to, InsulaProcess insula, CancellationToken ct)
    {
        using var platform = insula.Client(OperatorKey);
        var keys = new List<string>();
        for (var i = 0; i < Tenants; i++) keys.Add((await platform.CreateTenantAsync($"tenant {i}", ct)).Key);
        var cold = Resident(insula.Pid);
        foreach (var key in keys.Take(Warm)) await WarmAsync(insula, key, ct);
        var warm = Resident(insula.Pid);
        await Task.Delay(Idle, TimeProvider.System, ct);
        var idle = Resident(insula.Pid);
        to.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Resident memory: {cold} MB with {Tenants} tenants, all cold; {warm} MB right after warming {Warm} of them, {idle} MB idle {Idle.TotalSeconds} s later; {Descriptors(insula.Pid)} descriptors open."));
    }

    private static async Task WarmAsync(InsulaProcess insula, string key, CancellationToken ct)
    {
        using var client = insula.Client(key);
        await client.PostAsync("/api/v1/knowledge/learn", new { source = "note", text = "Rome had many insulae. An insula is an apartment block." }, ct);
        var (agent, environment) = await client.CreateAgentAsync("insula/reader", ct);
        var session = await client.CreateSessionAsync(agent, environment, ct);
        await client.SendAsync(session, "What is an insula?", ct);
        await foreach (var e in client.WatchAsync(session, after: 0, ct))
        {
            if (e.Type == "session.status_idle") break;
        }
    }

    private static long Resident(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;
    }

    private static int Descriptors(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;
}
