using System.Diagnostics;
using System.Globalization;
using System.Text;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.Benchmarks;

/// <summary>
/// Durable steps of runs on PostgreSQL over HTTP, and what each costs the program, the database and the client that watches.
/// </summary>
internal static class StepBench
{
    /// <summary>
    /// Tool calls of one run; each is two steps, the model's and the tool's, and the answer is one more. The tool does not
    /// exist, so that nothing is timed but the steps: its intent and its refusal are logged as those of any other.
    /// </summary>
    private const int Calls = 60;

    public const int Steps = 2 * Calls + 1;

    /// <summary>Until the runtime has compiled what is timed: it compiles hot code twice, beside the work.</summary>
    public static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(30);

    public static async Task WriteAsync(TextWriter to, int rounds, TimeSpan slice, CancellationToken ct)
    {
        await using var server = await PostgresServer.StartAsync(Server, ct);
        using var folder = new TempFolder();
        var own = await server.CreateDatabaseAsync(ct);
        await using var insula = await InsulaProcess.StartAsync(folder.Path, ct, ("INSULA_DATABASE", own.OwnerConnectionString), ("INSULA_SCRIPTED", "on"));
        using var platform = insula.Client(insula.Started.OperatorKey!);
        var (_, key) = await platform.CreateTenantAsync("bench", ct);
        using var client = insula.Client(key);
        var (agent, environment) = await client.CreateAgentAsync("insula/scripted", ct);
        to.WriteLine("## Durable steps on PostgreSQL");
        to.WriteLine();
        to.WriteLine("| | steps a second | CPU a step: program | PostgreSQL | client |");
        to.WriteLine("|---|---|---|---|---|");
        await RunForAsync(client, agent, environment, concurrency: 16, WarmUp, ct);
        for (var round = 0; round < rounds; round++)
        {
            foreach (var concurrency in (int[])[1, 16])
            {
                await RunForAsync(client, agent, environment, concurrency, TimeSpan.FromSeconds(1), ct);
                double[] before = [Slices.CpuSeconds(insula.Pid), Slices.CpuSecondsOfTree(server.Pid), Slices.CpuSeconds(System.Environment.ProcessId)];
                var clock = Stopwatch.StartNew();
                var steps = Steps * await RunForAsync(client, agent, environment, concurrency, slice, ct);
                var took = clock.Elapsed.TotalSeconds;
                double[] after = [Slices.CpuSeconds(insula.Pid), Slices.CpuSecondsOfTree(server.Pid), Slices.CpuSeconds(System.Environment.ProcessId)];
                var each = after.Zip(before, (a, b) => $"{(a - b) * 1e6 / steps:N0} µs");
                to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| c={concurrency} | {steps / took:N0} | {string.Join(" | ", each)} |"));
            }
        }

        to.WriteLine();
    }

    /// <summary>
    /// A server as it is after some minutes: statistics are renewed each minute as a rule, and before the first time plans go
    /// by none, ours as a peer's.
    /// </summary>
    public static PostgresServerOptions Server => new()
    {
        SharedBuffers = "256MB",
        ConnectionsMax = 200,
        Settings = new Dictionary<string, string> { ["autovacuum_naptime"] = "5s" },
    };

    /// <summary>Runs from the message to the event that each has ended, at least one of each caller.</summary>
    public static async Task<long> RunForAsync(HttpClient client, string agent, string environment, int concurrency, TimeSpan slice, CancellationToken ct)
    {
        long runs = 0;
        var began = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(
            async () =>
            {
                do
                {
                    await RunOnceAsync(client, agent, environment, ct);
                    Interlocked.Increment(ref runs);
                }
                while (TimeProvider.System.GetElapsedTime(began) < slice);
            },
            ct)));
        return runs;
    }

    private static async Task RunOnceAsync(HttpClient client, string agent, string environment, CancellationToken ct)
    {
        var session = await client.CreateSessionAsync(agent, environment, ct);
        var script = new StringBuilder();
        for (var call = 0; call < Calls; call++) script.Append(CultureInfo.InvariantCulture, $"!tool nothing {{\"n\":{call}}}\n");
        await client.SendAsync(session, script.Append("!text done").ToString(), ct);
        var results = 0;
        await foreach (var e in client.WatchAsync(session, after: 0, ct))
        {
            if (e.Type == "agent.tool_result") results++;
            if (e.Type == "session.status_idle") break;
        }

        if (results != Calls) throw new InvalidOperationException($"The run made {results} tool calls, not {Calls}.");
    }
}
