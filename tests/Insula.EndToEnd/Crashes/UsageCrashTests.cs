using Insula.Agents.Usage;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// The real server dies by SIGKILL at each point between a step's append and the end of its way into the ledger. The next
/// start finds what is left, and the ledger has every step once.
/// </summary>
public sealed class UsageCrashTests
{
    private const string Script = "!usage 1000001 7\n!tool keyed {}\n!usage 11 13\n!text done";

    /// <summary>A token of input costs 3.000001 micro-dollars, one of output 15; the tool half a micro-dollar, which rounds up.</summary>
    private const string Prices = "prices: { insula/scripted: { input: 3.000001, output: 15 }, tool_call: { each: 0.0000005 } }";

    private const long MicrosOfRun = 3_000_005 + 105 + 34 + 195 + 1;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_files_no_crash_on_the_way_to_the_ledger_loses_or_doubles_usage() => await CrashEverywhereAsync(database: null);

    [Fact]
    public async Task On_PostgreSQL_no_crash_on_the_way_to_the_ledger_loses_or_doubles_usage()
    {
        await using var server = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        await CrashEverywhereAsync(await server.CreateDatabaseAsync(Ct));
    }

    private static async Task CrashEverywhereAsync(TestDatabase? database)
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "plans.yaml"), Prices, Ct);
        await using var effects = await EffectServer.StartAsync(Ct);
        foreach (var point in Enum.GetValues<UsagePoint>())
        {
            var (key, sessions) = await DieAsync(folder, database, effects, point);
            await using var node = await StartAsync(folder, database, effects, dieAt: null);
            using var client = node.Client(key);
            var (models, tools) = (0, 0);
            foreach (var session in sessions)
            {
                // The last message may have come too late.
                if ((await client.GetObjectAsync($"/v1/sessions/{session}/events", Ct))["data"]!.AsArray().Count == 0) continue;
                var log = await SettledLogs.ReadAsync(client, session, Ct);
                models += log.Count(static e => e.Type == "span.model_request_end" && !(bool)e.Data["is_error"]!);
                tools += log.Count(static e => e.Type == "agent.tool_result");
            }

            Assert.Equal((tools * 2, true), (models, tools >= 1));
            await UsageTotals.ReachAsync(client, new(models, tools, tools * 1_000_012L, tools * 20L, tools * MicrosOfRun, 0), Ct);
        }
    }

    /// <summary>Runs on a node until one that dies at the point; the tenant's key, and the sessions that were sent a message.</summary>
    private static async Task<(string Key, IReadOnlyList<string> Sessions)> DieAsync(TempFolder folder, TestDatabase? database, EffectServer effects, UsagePoint point)
    {
        await using var node = await StartAsync(folder, database, effects, point);
        using var platform = node.Client(DyingNode.OperatorKey);
        var tenant = await platform.CreateTenantAsync($"at {point}", Ct);
        using var client = node.Client(tenant.Key);
        var agent = await client.CreateAgentAsync("insula/scripted", Ct);
        List<string> sessions = [];
        try
        {
            while (true)
            {
                var session = await client.CreateSessionAsync(agent.Agent, agent.Environment, Ct);
                sessions.Add(session);
                await client.SendAsync(session, Script, Ct);
            }
        }
        catch (Exception error) when (error is HttpRequestException { StatusCode: null } or IOException)
        {
            // It died.
        }

        await node.DiedAsync(Ct);
        return (tenant.Key, sessions);
    }

    private static Task<InsulaProcess> StartAsync(TempFolder folder, TestDatabase? database, EffectServer effects, UsagePoint? dieAt) =>
        DyingNode.StartAsync(folder, database, effects, dieAt, time: 2, Ct);
}
