using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.Benchmarks;

/// <summary>
/// Many tenants on one PostgreSQL: what it takes to make one, what the node and the server hold in memory, and how long a
/// tenant that nobody touched since the node's start waits for its first answer.
/// </summary>
internal static class DensityBench
{
    private const string OperatorKey = "benchmark-operator-key-0123456789";
    private const int AtOnce = 4;
    private const int Asked = 200;

    public static async Task WriteAsync(TextWriter to, int shared, int schemas, CancellationToken ct)
    {
        await using var server = await PostgresServer.StartAsync(new PostgresServerOptions { SharedBuffers = "256MB", ConnectionsMax = 200 }, ct);
        var database = await server.CreateDatabaseAsync(ct);
        using var folder = new TempFolder();
        (string Name, string Value)[] settings = [("INSULA_OPERATOR_KEY", OperatorKey), ("INSULA_DATABASE", database.OwnerConnectionString)];
        to.WriteLine("## Many tenants on one PostgreSQL");
        to.WriteLine();
        to.WriteLine("| placement | tenants | made, p50 | p99 | a second | node, right after | node, started anew, cold | PostgreSQL (PSS) | first answer, cold, p50 | p99 | again, p50 |");
        to.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var (placement, count) in new[] { ("shared", shared), ("schema", schemas) })
        {
            List<string> keys;
            List<double> made;
            double seconds;
            long after;
            await using (var node = await InsulaProcess.StartAsync(folder.Path, ct, settings))
            {
                var clock = Stopwatch.StartNew();
                (keys, made) = await MakeAsync(node, placement, count, ct);
                seconds = clock.Elapsed.TotalSeconds;
                after = Resident(node.Pid);
                await node.StopAsync(ct);
            }

            await using (var node = await InsulaProcess.StartAsync(folder.Path, ct, settings))
            {
                var cold = Resident(node.Pid);
                var (first, again) = await AskAsync(node, keys, ct);
                to.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {placement} | {count:N0} | {At(made, 0.5):0.0} ms | {At(made, 0.99):0.0} ms | {count / seconds:N0} | {after} MB | {cold} MB | {Proportional(server.Pid)} MB | {At(first, 0.5):0.0} ms | {At(first, 0.99):0.0} ms | {At(again, 0.5):0.0} ms |"));
                await node.StopAsync(ct);
            }
        }

        to.WriteLine();
        to.WriteLine($"Made {AtOnce} at a time over HTTP, one at a time asked ({Asked} of them, a list of agents each). Load average {Slices.LoadAverage()}.");
        to.WriteLine();
    }

    private static async Task<(List<string> Keys, List<double> Milliseconds)> MakeAsync(InsulaProcess node, string placement, int count, CancellationToken ct)
    {
        using var platform = node.Client(OperatorKey);
        var keys = new List<string>(count);
        var times = new List<double>(count);
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (i, stop) =>
        {
            var clock = Stopwatch.StartNew();
            using var answer = await platform.PostAsJsonAsync("/api/v1/tenants", new { name = $"tenant {i}", placement }, stop);
            answer.EnsureSuccessStatusCode();
            var created = await answer.Content.ReadFromJsonAsync<JsonElement>(stop);
            lock (keys)
            {
                times.Add(clock.Elapsed.TotalMilliseconds);
                keys.Add(created.GetProperty("key").GetProperty("secret").GetString()!);
            }
        });
        return (keys, times);
    }

    private static async Task<(List<double> First, List<double> Again)> AskAsync(InsulaProcess node, List<string> keys, CancellationToken ct)
    {
        // The program's own first requests pay for its compilation, not for a tenant's.
        foreach (var key in keys.Take(20)) await AskOnceAsync(node, key, ct);
        List<double> first = [], again = [];
        foreach (var key in keys.Skip(20).Take(Asked))
        {
            first.Add(await AskOnceAsync(node, key, ct));
            again.Add(await AskOnceAsync(node, key, ct));
        }

        return (first, again);
    }

    private static async Task<double> AskOnceAsync(InsulaProcess node, string key, CancellationToken ct)
    {
        using var client = node.Client(key);
        client.DefaultRequestHeaders.ConnectionClose = false;
        var clock = Stopwatch.StartNew();
        using var answer = await client.GetAsync("/v1/agents", ct);
        answer.EnsureSuccessStatusCode();
        return clock.Elapsed.TotalMilliseconds;
    }

    private static double At(List<double> values, double share) => values.Order().ElementAt((int)(share * (values.Count - 1)));

    private static long Resident(int pid) => Field($"/proc/{pid}/status", "VmRSS:");

    /// <summary>Memory of a server and its backends, each shared page counted once.</summary>
    private static long Proportional(int postmaster) =>
        ProcessTree.Children(postmaster).Append(postmaster).Sum(static pid => Field($"/proc/{pid}/smaps_rollup", "Pss:"));

    private static long Field(string file, string name)
    {
        try
        {
            var line = File.ReadLines(file).First(l => l.StartsWith(name, StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
        catch (IOException)
        {
            // A backend that has just ended holds nothing.
            return 0;
        }
    }
}
