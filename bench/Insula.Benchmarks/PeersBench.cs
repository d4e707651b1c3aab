using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Storage;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Benchmarks;

/// <summary>
/// The same work done by other products, on one PostgreSQL, in one run, taking turns: steps of a run that are durable one by
/// one (<see cref="StepHome"/>), beside LangGraph with its PostgreSQL checkpointer, once as an agent that keeps its messages
/// as ours does, and once as a graph that keeps next to nothing, which is the least that a step of it can be; and a queue's
/// entries, beside graphile-worker. Ours runs as the whole program over HTTP; a peer runs as its authors show it, in a process
/// of Node.js. Each has a database of its own.
/// </summary>
internal static class PeersBench
{
    private const int Together = 16;
    private const int Jobs = 4_000;

    public static async Task WriteAsync(TextWriter to, int rounds, TimeSpan slice, CancellationToken ct)
    {
        await InstallAsync(ct);
        await using var home = await StepHome.StartAsync(ct);
        var langgraph = home.Postgres.Uri((await home.Postgres.CreateDatabaseAsync(ct)).Database);
        var graphile = home.Postgres.Uri((await home.Postgres.CreateDatabaseAsync(ct)).Database);
        await using var queue = await QueueHome.StartAsync(await home.Postgres.CreateDatabaseAsync(ct), ct);

        var seconds = Math.Max(1, (int)slice.TotalSeconds);
        var load = Slices.LoadAverage();
        List<Pair> pairs = [];
        for (var round = 0; round < rounds; round++)
        {
            foreach (var concurrency in (int[])[1, Together])
            {
                var ours = await StepsForAsync(home, concurrency, slice, ct);
                foreach (var graph in (string[])["agent", "counter"])
                {
                    var peer = await NodeAsync("langgraph.mjs", ct, graph, langgraph, $"{concurrency}", $"{StepHome.Steps}", $"{seconds}");
                    pairs.Add(new($"durable steps a second, c={concurrency}", $"`@langchain/langgraph` + PostgreSQL checkpointer, {graph}", ours, Number(peer, "count") / Number(peer, "seconds")));
                }
            }

            var (added, taken) = await queue.MeasureAsync(Together, Jobs, ct);
            var jobs = await NodeAsync("graphile.mjs", ct, graphile, $"{Together}", $"{Jobs}");
            pairs.Add(new($"queue entries added a second, c={Together}", "`graphile-worker`", added, Number(jobs, "count") / Number(jobs, "add_seconds")));
            pairs.Add(new($"queue entries taken and finished a second, c={Together}", "`graphile-worker`", taken, Number(jobs, "count") / Number(jobs, "take_seconds")));
        }

        Write(to, pairs, load, rounds, seconds);
    }

    private static void Write(TextWriter to, List<Pair> pairs, double load, int rounds, int seconds)
    {
        to.WriteLine("## Beside other products, on one PostgreSQL");
        to.WriteLine();
        to.WriteLine("| | Insula, median (range) | peer, median (range) | ratio, median of rounds | peer |");
        to.WriteLine("|---|---|---|---|---|");
        foreach (var group in pairs.GroupBy(static pair => (pair.What, pair.Peer)))
        {
            var ratio = Slices.Median(group.Select(static pair => pair.Ours / pair.Peers));
            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {group.Key.What} | {Text(group.Select(static pair => pair.Ours))} | {Text(group.Select(static pair => pair.Peers))} | {ratio:0.00} | {group.Key.Peer} |"));
        }

        foreach (var latency in pairs.Where(static pair => pair.What.EndsWith("c=1", StringComparison.Ordinal)).GroupBy(static pair => pair.Peer))
        {
            to.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| ms for a durable step, c=1 | {Text(latency.Select(static pair => 1000 / pair.Ours), "0.00")} | {Text(latency.Select(static pair => 1000 / pair.Peers), "0.00")} | {Slices.Median(latency.Select(static pair => pair.Peers / pair.Ours)):0.00} | {latency.Key} |"));
        }

        to.WriteLine();
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rounds} rounds of {seconds} s each, taking turns; runs of {StepHome.Steps} steps; {Jobs} queue entries; load average {load:0.0} at the begin, {Slices.LoadAverage():0.0} at the end."));
        to.WriteLine();
    }

    private static string Text(IEnumerable<double> values, string format = "N0")
    {
        var all = values.ToList();
        return string.Create(CultureInfo.InvariantCulture, $"{Slices.Median(all).ToString(format, CultureInfo.InvariantCulture)} ({all.Min().ToString(format, CultureInfo.InvariantCulture)}–{all.Max().ToString(format, CultureInfo.InvariantCulture)})");
    }

    /// <summary>Steps a second of runs over HTTP, from the message to the event that the run has ended.</summary>
    private static async Task<double> StepsForAsync(StepHome home, int concurrency, TimeSpan slice, CancellationToken ct)
    {
        await home.RunForAsync(concurrency, TimeSpan.FromSeconds(1), ct);
        var began = TimeProvider.System.GetTimestamp();
        var runs = await home.RunForAsync(concurrency, slice, ct);
        return runs * StepHome.Steps / TimeProvider.System.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task InstallAsync(CancellationToken ct)
    {
        if (Directory.Exists(Path.Combine(Folder, "node_modules"))) return;
        await RunAsync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], ct);
    }

    private static async Task<JsonObject> NodeAsync(string script, CancellationToken ct, params string[] arguments) =>
        JsonNode.Parse(await RunAsync("node", [script, .. arguments], ct))!.AsObject();

    private static double Number(JsonObject said, string name) => said[name]!.GetValue<double>();

    private static string Folder => Repository.PathOf("bench", "peers");

    private static async Task<string> RunAsync(string program, string[] arguments, CancellationToken ct)
    {
        var info = new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder, UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(info)!;
        var complaints = process.StandardError.ReadToEndAsync(ct);
        var said = await process.StandardOutput.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        return process.ExitCode == 0 ? said : throw new InvalidOperationException($"{program} {arguments[0]} ended with {process.ExitCode}:\n{await complaints}");
    }

    private sealed record Pair(string What, string Peer, double Ours, double Peers);

    /// <summary>The run queue alone, in this process: entries of 16 tenants are added by so many at once, then claimed and settled by so many.</summary>
    private sealed class QueueHome(ServiceProvider services) : IAsyncDisposable
    {
        private static readonly TimeSpan LeaseLength = TimeSpan.FromSeconds(60);

        private readonly IRunQueue _queue = services.GetRequiredService<IRunQueue>();
        private readonly Id<Tenant>[] _tenants = [.. Enumerable.Range(0, Together).Select(static _ => Id<Tenant>.New())];

        public static async Task<QueueHome> StartAsync(TestDatabase database, CancellationToken ct)
        {
            var services = new ServiceCollection().AddLogging().AddMetrics().AddPostgresStorage(new PostgresOptions { Main = new Secret(database.OwnerConnectionString) }).BuildServiceProvider();
            await services.GetRequiredService<PostgresStorage>().OpenAsync(ct);
            var home = new QueueHome(services);
            foreach (var tenant in home._tenants) await home._queue.ShareAsync(tenant, new RunShare(Concurrent: 1_000), ct);
            return home;
        }

        public async Task<(double Added, double Taken)> MeasureAsync(int concurrency, int entries, CancellationToken ct)
        {
            var (added, taken) = (0, 0);
            var began = TimeProvider.System.GetTimestamp();
            await TogetherAsync(concurrency, async worker =>
            {
                while (Interlocked.Increment(ref added) <= entries) await _queue.WakeAsync(_tenants[worker % Together], Id<Session>.New(), default, ct);
            });
            var adding = TimeProvider.System.GetElapsedTime(began);
            var node = Id<Node>.New();
            began = TimeProvider.System.GetTimestamp();
            await TogetherAsync(concurrency, async _ =>
            {
                while (await _queue.ClaimAsync(node, LeaseLength, new ClaimOptions(Minima: false), ct) is { } claimed)
                {
                    await _queue.SettleAsync(claimed.Entry, node, claimed.Lease.Mark, default, ct);
                    Interlocked.Increment(ref taken);
                }
            });
            if (taken != entries) throw new InvalidOperationException($"{entries} entries went in and {taken} came out.");
            return (entries / adding.TotalSeconds, taken / TimeProvider.System.GetElapsedTime(began).TotalSeconds);
        }

        public ValueTask DisposeAsync() => services.DisposeAsync();

        private static Task TogetherAsync(int concurrency, Func<int, Task> work) => Task.WhenAll(Enumerable.Range(0, concurrency).Select(worker => Task.Run(() => work(worker))));
    }
}
