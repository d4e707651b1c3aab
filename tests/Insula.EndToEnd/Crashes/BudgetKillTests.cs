using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Many runs at once with a hundredth of the budget left, while nodes are killed in the middle of their model calls. In the
/// end the budget is spent to its last step and not beyond, and nothing is held: what the dead held came back.
/// </summary>
public sealed class BudgetKillTests(ITestOutputHelper output)
{
    private const int Budget = 100_000;
    private const int Left = Budget / 100;
    private const int StepMicros = 100;
    private const int Kills = 3;

    private static readonly int Runs = int.Parse(Environment.GetEnvironmentVariable("INSULA_TEST_BUDGET_RUNS") ?? "24", CultureInfo.InvariantCulture);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_one_node_that_is_killed_runs_spend_what_is_left_and_no_more()
    {
        using var folder = new TempFolder();
        InsulaProcess?[] nodes = [await InsulaProcess.StartAsync(folder.Path, Ct)];
        await SpendAsync(nodes, nodes[0]!.Started.OperatorKey!, _ => InsulaProcess.StartAsync(folder.Path, Ct));
    }

    [Fact]
    public async Task On_three_nodes_that_are_killed_runs_spend_what_is_left_and_no_more()
    {
        using TempFolder one = new(), other = new(), third = new();
        TempFolder[] folders = [one, other, third];
        await using var postgres = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        var database = await postgres.CreateDatabaseAsync(Ct);
        var nodes = new InsulaProcess?[folders.Length];
        for (var i = 0; i < nodes.Length; i++) nodes[i] = await Cluster.StartNodeAsync(folders[i], database, Ct);
        await SpendAsync(nodes, nodes[0]!.Started.OperatorKey!, node => Cluster.StartNodeAsync(folders[node], database, Ct));
    }

    private async Task SpendAsync(InsulaProcess?[] nodes, string operatorKey, Func<int, Task<InsulaProcess>> startAgainAsync)
    {
        try
        {
            var world = await PrepareAsync(nodes[0]!, operatorKey);
            var sent = await Task.WhenAll(world.Sessions.Select((session, i) => SendAsync(nodes[i % nodes.Length]!, world, session)));
            var killed = await KillAsync(nodes, world, startAgainAsync);

            using var client = nodes[0]!.Client(world.Key);
            List<string> ends = [];
            foreach (var session in world.Sessions.Where((_, i) => sent[i]))
            {
                var log = await SettledLogs.ReadAsync(client, session, Ct);
                ends.Add((string)log[^1].Data["stop_reason"]!["type"]!);
            }

            var budget = await SettledAsync(client, world);
            var (paid, refused) = (ends.Count(static end => end == "end_turn"), ends.Count(static end => end == "budget_reached"));
            output.WriteLine($"{nodes.Length} nodes, {killed} kills, {Runs} runs: {paid} paid, {refused} stopped, {Runs - ends.Count} refused at the door; {budget["spent_micros"]} of {Budget} spent.");
            Assert.Equal(ends.Count, paid + refused);
            Assert.True((long)budget["spent_micros"]! <= Budget, $"{budget["spent_micros"]} of {Budget}");
            Assert.Equal(Budget - Left + (paid * StepMicros), (long)budget["spent_micros"]!);
            Assert.Equal(Math.Min(Runs, Left / StepMicros), paid);
        }
        finally
        {
            foreach (var node in nodes) if (node is not null) await node.DisposeAsync();
        }
    }

    private static async Task<World> PrepareAsync(InsulaProcess node, string operatorKey)
    {
        using var platform = node.Client(operatorKey);
        await PutAsync(platform, "/api/v1/prices", new { name = "insula/scripted", input_micros = 1_000_000, output_micros = 1_000_000 });
        var (tenant, key) = await platform.CreateTenantAsync("budget", Ct);
        await PutAsync(platform, $"/api/v1/tenants/{tenant}/budget", new { limit_micros = Budget, period = "life" });
        using var client = node.Client(key);
        var (agent, environment) = await client.CreateAgentAsync("insula/scripted", Ct);
        var first = await client.CreateSessionAsync(agent, environment, Ct);
        var sessions = await Task.WhenAll(Enumerable.Range(0, Runs).Select(_ => client.CreateSessionAsync(agent, environment, Ct)));
        var world = new World(key, $"/api/v1/budgets/tenant:{tenant}", sessions);
        await client.SendAsync(first, $"!usage {Budget - Left} 0\n!text nearly all", Ct);
        await SettledLogs.ReadAsync(client, first, Ct);
        await SettledAsync(client, world);
        return world;
    }

    /// <summary>Kills one node after the other, each in the middle of calls and after some were paid, as long as there are such.</summary>
    private static async Task<int> KillAsync(InsulaProcess?[] nodes, World world, Func<int, Task<InsulaProcess>> startAgainAsync)
    {
        var starting = new Task<InsulaProcess>?[nodes.Length];
        var (killed, spent) = (0, 0L);
        while (killed < Kills && await IsAtWorkAsync(nodes[killed % nodes.Length]!))
        {
            var victim = killed++ % nodes.Length;
            await nodes[victim]!.DisposeAsync();
            nodes[victim] = null;
            starting[victim] = startAgainAsync(victim);
            var next = killed % nodes.Length;
            if (starting[next] is { } again) nodes[next] = await again;
        }

        for (var i = 0; i < nodes.Length; i++) if (starting[i] is { } last) nodes[i] = await last;
        return killed;

        async Task<bool> IsAtWorkAsync(InsulaProcess node)
        {
            using var client = node.Client(world.Key);
            while (true)
            {
                var budget = await client.GetObjectAsync(world.Budget, Ct);
                var now = (long)budget["spent_micros"]!;
                if (now == Budget) return false;
                if ((long)budget["held_micros"]! == 0 || now == spent) continue;
                spent = now;
                return true;
            }
        }
    }

    /// <summary>False when the budget was spent before.</summary>
    private static async Task<bool> SendAsync(InsulaProcess node, World world, string session)
    {
        using var client = node.Client(world.Key);
        try
        {
            await client.SendAsync(session, $"!sleep {1500 + (Runs * 20)}\n!usage 70 30\n!text x", Ct);
            return true;
        }
        catch (HttpRequestException refused) when (refused.StatusCode == HttpStatusCode.PaymentRequired)
        {
            return false;
        }
    }

    private static async Task<JsonObject> SettledAsync(HttpClient client, World world)
    {
        while (true)
        {
            var budget = await client.GetObjectAsync(world.Budget, Ct);
            if ((long)budget["held_micros"]! == 0 && (long)budget["spent_micros"]! > 0) return budget;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Ct);
        }
    }

    private static async Task PutAsync(HttpClient client, string path, object body)
    {
        using var answer = await client.PutAsJsonAsync(path, body, Ct);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Ct));
    }

    private sealed record World(string Key, string Budget, string[] Sessions);
}
