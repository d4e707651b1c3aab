using System.Globalization;
using System.Text;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.Benchmarks;

/// <summary>The program on a PostgreSQL of its own, warmed up, with an agent whose runs are nothing but durable steps.</summary>
internal sealed class StepHome : IAsyncDisposable
{
    /// <summary>
    /// Tool calls of one run; each is two steps, the model's and the tool's, and the answer is one more. The tool does not
    /// exist, so that nothing is timed but the steps: its intent and its refusal are logged as those of any other.
    /// </summary>
    private const int Calls = 60;

    public const int Steps = 2 * Calls + 1;

    /// <summary>Until the runtime has compiled what is timed: it compiles hot code twice, beside the work.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A server as it is after some minutes: statistics are renewed each minute as a rule, and before the first time plans go
    /// by none, ours as a peer's.
    /// </summary>
    private static PostgresServerOptions Server => new()
    {
        SharedBuffers = "256MB",
        ConnectionsMax = 200,
        Settings = new Dictionary<string, string> { ["autovacuum_naptime"] = "5s" },
    };

    private readonly TempFolder _folder = new();
    private InsulaProcess _insula = null!;
    private HttpClient _client = null!;
    private string _agent = null!;
    private string _environment = null!;

    private StepHome(PostgresServer postgres) => Postgres = postgres;

    public PostgresServer Postgres { get; }

    /// <summary>The program's process id.</summary>
    public int Pid => _insula.Pid;

    public static async Task<StepHome> StartAsync(CancellationToken ct)
    {
        var home = new StepHome(await PostgresServer.StartAsync(Server, ct));
        var own = await home.Postgres.CreateDatabaseAsync(ct);
        home._insula = await InsulaProcess.StartAsync(home._folder.Path, ct, ("INSULA_DATABASE", own.OwnerConnectionString), ("INSULA_SCRIPTED", "on"));
        using var platform = home._insula.Client(home._insula.Started.OperatorKey!);
        var (_, key) = await platform.CreateTenantAsync("bench", ct);
        home._client = home._insula.Client(key);
        (home._agent, home._environment) = await home._client.CreateAgentAsync("insula/scripted", ct);
        await home.RunForAsync(concurrency: 16, WarmUp, ct);
        return home;
    }

    /// <summary>Runs from the message to the event that each has ended, at least one of each caller.</summary>
    public async Task<long> RunForAsync(int concurrency, TimeSpan slice, CancellationToken ct)
    {
        long runs = 0;
        var began = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(
            async () =>
            {
                do
                {
                    await RunOnceAsync(ct);
                    Interlocked.Increment(ref runs);
                }
                while (TimeProvider.System.GetElapsedTime(began) < slice);
            },
            ct)));
        return runs;
    }

    private async Task RunOnceAsync(CancellationToken ct)
    {
        var session = await _client.CreateSessionAsync(_agent, _environment, ct);
        var script = new StringBuilder();
        for (var call = 0; call < Calls; call++) script.Append(CultureInfo.InvariantCulture, $"!tool nothing {{\"n\":{call}}}\n");
        await _client.SendAsync(session, script.Append("!text done").ToString(), ct);
        var results = 0;
        await foreach (var e in _client.WatchAsync(session, after: 0, ct))
        {
            if (e.Type == "agent.tool_result") results++;
            if (e.Type == "session.status_idle") break;
        }

        if (results != Calls) throw new InvalidOperationException($"The run made {results} tool calls, not {Calls}.");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _insula.DisposeAsync();
        _folder.Dispose();
        await Postgres.DisposeAsync();
    }
}
