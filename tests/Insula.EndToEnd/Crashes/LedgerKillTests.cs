using System.Globalization;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;
using Insula.TestKit.Upstream;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Kills the program without warning, again and again, while runs call a model server that counts the tokens it reports.
/// In the end the ledger, and the statement, have those tokens and nothing else. The server honours the Idempotency-Key: a
/// request whose answer died with the program is made again with the same one, and counts once.
/// </summary>
public sealed class LedgerKillTests(ITestOutputHelper output)
{
    private const int Sessions = 4;
    private const int KillsPerWord = 25;

    private static readonly int? Asked = Environment.GetEnvironmentVariable("INSULA_TEST_LEDGER_KILLS") is { } kills ? int.Parse(kills, CultureInfo.InvariantCulture) : null;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_kills_of_its_only_node_the_sum_of_usage_is_what_the_provider_counted_to_the_token()
    {
        using var folder = new TempFolder();
        await using var upstream = await StartUpstreamAsync();
        await CountAsync(upstream, kills: Asked ?? 4, [() => StartAsync(folder, upstream)]);
    }

    [Fact]
    public async Task After_kills_of_nodes_on_one_database_the_sum_of_usage_is_what_the_provider_counted_to_the_token()
    {
        using TempFolder one = new(), other = new();
        await using var postgres = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        var database = await postgres.CreateDatabaseAsync(Ct);
        await using var upstream = await StartUpstreamAsync();
        await CountAsync(upstream, kills: Asked ?? 2, [() => StartAsync(one, upstream, database), () => StartAsync(other, upstream, database)]);
    }

    private static async Task<FakeUpstream> StartUpstreamAsync()
    {
        var upstream = await FakeUpstream.StartAsync(Ct);
        upstream.HonoursKeys = true;
        return upstream;
    }

    /// <summary>Kills one node after the other while all of them are at work, and in the end whatever is left.</summary>
    private async Task CountAsync(FakeUpstream upstream, int kills, Func<Task<InsulaProcess>>[] start)
    {
        var (random, sent, killed) = (new Random(20261122), 0, 0);
        var nodes = new Task<Working>?[start.Length];
        var (key, sessions) = await PrepareAsync(start[0], upstream);
        for (var i = 0; i < nodes.Length; i++) nodes[i] = WorkAsync(start[i], key, sessions, () => Interlocked.Increment(ref sent));
        try
        {
            while (killed < kills)
            {
                var victim = killed++ % nodes.Length;
                var node = await nodes[victim]!;
                var (before, enough) = (upstream.Requests.Count, random.Next(1, 30));
                while (upstream.Requests.Count < before + enough) await upstream.NextRequestAsync(Ct);
                await node.KillAsync();
                if (killed % KillsPerWord == 0) output.WriteLine($"{killed} of {kills} kills, {upstream.Requests.Count} requests.");
                nodes[victim] = killed < kills ? WorkAsync(start[victim], key, sessions, () => Interlocked.Increment(ref sent)) : null;
            }
        }
        finally
        {
            foreach (var node in nodes.OfType<Task<Working>>()) await (await node).KillAsync();
        }

        await using var last = await start[0]();
        using var reader = last.Client(key);
        foreach (var session in sessions) await SettledLogs.ReadAsync(reader, session, Ct);
        var (reported, answers) = (upstream.Reported, upstream.Reported.Output / upstream.Otherwise.OutputTokens);
        var micros = answers * (long)Math.Ceiling((7 * 3.123457m) + (11 * 10.000001m));
        var totals = await UsageTotals.ReachAsync(reader, new(answers, 0, reported.Input, reported.Output, micros, 0), Ct);
        var statement = await reader.GetObjectAsync($"/api/v1/statements/{TimeProvider.System.GetUtcNow():yyyy-MM}", Ct);
        var line = Assert.Single(statement["lines"]!.AsArray())!;
        Assert.Equal((reported.Input, reported.Output, micros, micros), ((long)line["input_tokens"]!, (long)line["output_tokens"]!, (long)line["cost_micros"]!, (long)statement["total_micros"]!));
        output.WriteLine($"{nodes.Length} nodes, {kills} kills, {sent} messages sent, {upstream.Requests.Count} requests of which {upstream.Repeated} were repeats; {totals}.");
    }

    private static async Task<(string Key, string[] Sessions)> PrepareAsync(Func<Task<InsulaProcess>> start, FakeUpstream upstream)
    {
        await using var node = await start();
        using var platform = node.Client(node.Started.OperatorKey!);
        var (_, key) = await platform.CreateTenantAsync("ledger", Ct);
        using var client = node.Client(key);
        var (agent, environment) = await client.CreateAgentAsync("openai/fake-small", Ct);
        return (key, await Task.WhenAll(Enumerable.Range(0, Sessions).Select(_ => client.CreateSessionAsync(agent, environment, Ct))));
    }

    private static async Task<Working> WorkAsync(Func<Task<InsulaProcess>> start, string key, string[] sessions, Action sent)
    {
        var node = await start();
        var client = node.Client(key);
        return new Working(node, client, [.. sessions.Select(session => SendUntilDeadAsync(client, session, sent))]);
    }

    private static async Task SendUntilDeadAsync(HttpClient client, string session, Action sent)
    {
        try
        {
            while (true)
            {
                await client.SendAsync(session, "Say something.", Ct);
                sent();
            }
        }
        catch (Exception error) when (error is HttpRequestException { StatusCode: null } or IOException)
        {
            // Killed. Whether this message is in the log is unknown, and both are right.
        }
    }

    private static async Task<InsulaProcess> StartAsync(TempFolder folder, FakeUpstream upstream, TestDatabase? database = null)
    {
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "plans.yaml"), "prices: { openai/fake-*: { input: 3.123457, output: 10.000001 }, tool_call: { each: 0.0000025 } }", Ct);
        (string, string)[] model = [("INSULA_OPENAI_BASE_URL", upstream.OpenAIUrl.ToString()), ("INSULA_OPENAI_API_KEY", "sk-test")];
        return await InsulaProcess.StartAsync(folder.Path, Ct, database is null ? model : [.. model, ("INSULA_DATABASE", database.OwnerUri)]);
    }

    /// <summary>A node, and who sends to it until it is dead.</summary>
    private sealed record Working(InsulaProcess Node, HttpClient Client, Task[] Writers)
    {
        public async Task KillAsync()
        {
            await Node.KillAsync();
            await Task.WhenAll(Writers);
            Client.Dispose();
            await Node.DisposeAsync();
        }
    }
}
