using System.Text.Json.Nodes;
using Insula.Agents.Runs;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// The real server dies by SIGKILL at each point between the records of a run, under tools that honour their key, ignore
/// it, or act and never answer. Another start goes on, and the server that the tools act on says what was done.
/// </summary>
public sealed class CrashPointTests(ITestOutputHelper output)
{
    private const string Script = "!tool keyed {}\n!tool plain {}\n!tool late {}\n!text done";
    private const int Sessions = 3;

    /// <summary>
    /// Each point at the second time that it is reached, so that some sessions are before it and some behind; those around a
    /// tool also while the calls of the second tool are made, whose outcome nobody can tell then.
    /// </summary>
    private static readonly (RunPoint Point, int Time)[] Deaths =
        [.. Enum.GetValues<RunPoint>().Select(static point => (point, 2)), (RunPoint.BeforeTool, Sessions + 2), (RunPoint.AfterTool, Sessions + 2)];

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_files_no_crash_doubles_an_effect_or_hides_that_one_is_unknown() => await CrashEverywhereAsync(database: null);

    [Fact]
    public async Task On_PostgreSQL_no_crash_doubles_an_effect_or_hides_that_one_is_unknown()
    {
        await using var server = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        await CrashEverywhereAsync(await server.CreateDatabaseAsync(Ct));
    }

    private async Task CrashEverywhereAsync(TestDatabase? database)
    {
        using var folder = new TempFolder();
        await using var effects = await EffectServer.StartAsync(Ct);
        var seen = new Tally();
        foreach (var death in Deaths)
        {
            var sessions = await CrashAsync(folder, database, effects, death);
            await using var node = await StartAsync(folder, database, effects, death: null);
            using var client = node.Client(sessions.Key);
            foreach (var session in sessions.Ids) await FinishAsync(client, session, effects, seen);
        }

        output.WriteLine($"{Deaths.Length} crashes at {Enum.GetValues<RunPoint>().Length} points × {Sessions} runs × 3 tools: {seen}.");
        Assert.Equal(seen.Keyed, effects.Keys("keyed").Count);
        Assert.True(seen.Repeated > 0, "No keyed call was ever repeated: the crashes came at other moments than the test means.");
        Assert.True(seen.Unknown > seen.Late, "No crash ever left the outcome of a call unknown: they came at other moments than the test means.");
    }

    /// <summary>Starts runs on a node that dies when one of them reaches the point.</summary>
    private static async Task<(string Key, IReadOnlyList<string> Ids)> CrashAsync(TempFolder folder, TestDatabase? database, EffectServer effects, (RunPoint Point, int Time) death)
    {
        await using var node = await StartAsync(folder, database, effects, death);
        using var platform = node.Client(DyingNode.OperatorKey);
        var tenant = await platform.CreateTenantAsync($"at {death.Point}", Ct);
        using var client = node.Client(tenant.Key);
        var agent = await client.CreateAgentAsync("insula/scripted", Ct);
        List<string> ids = [];
        for (var i = 0; i < Sessions; i++) ids.Add(await client.CreateSessionAsync(agent.Agent, agent.Environment, Ct));
        foreach (var id in ids)
        {
            try
            {
                await client.SendAsync(id, Script, Ct);
            }
            catch (HttpRequestException)
            {
                // It died. What was not acknowledged may be in the log or not: the other start looks.
            }
        }

        await node.DiedAsync(Ct);
        return (tenant.Key, ids);
    }

    private static async Task FinishAsync(HttpClient client, string session, EffectServer effects, Tally seen)
    {
        if ((await LogAsync(client, session)).Count == 0) await client.SendAsync(session, Script, Ct);
        await SettledLogs.ToFirstEndAsync(client, session, Limit, Ct);
        var log = await LogAsync(client, session);
        Assert.Equal("end_turn", (string?)log[^1]["stop_reason"]!["type"]);
        Assert.Equal(Of(log, "span.model_request_start").Select(static e => e.Id()), Of(log, "span.model_request_end").Select(static e => (string)e["model_request_start_id"]!));
        var run = Assert.Single((await client.GetObjectAsync($"/api/v1/runs?session_id={session}", Ct))["data"]!.AsArray())!.AsObject();
        foreach (var use in Of(log, "agent.tool_use")) Judge((string)use["name"]!, $"{run.Id()}/{use.Id()}", Of(log, "agent.tool_result").Single(e => (string)e["tool_use_id"]! == use.Id()), effects, seen);
        Assert.Equal(["keyed", "plain", "late"], Of(log, "agent.tool_use").Select(static e => (string)e["name"]!));
    }

    private static void Judge(string tool, string key, JsonObject result, EffectServer effects, Tally seen)
    {
        var (calls, isUnknown) = (effects.Calls(tool, key), (string?)result["outcome"] == "unknown");
        if (isUnknown) seen.Unknown++;
        if (tool == "late") seen.Late++;
        if (tool == "keyed")
        {
            // The server honours the key, so a second call has no second effect; the first one's key must come again.
            Assert.False(isUnknown);
            Assert.InRange(calls, 1, 2);
            seen.Keyed++;
            if (calls > 1) seen.Repeated++;
            return;
        }

        // Called once or never; and where nobody can tell, the log says so.
        Assert.InRange(calls, 0, 1);
        if (calls == 0 || tool == "late") Assert.True(isUnknown, $"{tool} was called {calls} times, and its result says: {result}");
    }

    private static IEnumerable<JsonObject> Of(IReadOnlyList<JsonObject> log, string type) => log.Where(e => (string)e["type"]! == type);

    private static async Task<IReadOnlyList<JsonObject>> LogAsync(HttpClient client, string session) =>
        [.. (await client.GetObjectAsync($"/v1/sessions/{session}/events?limit=1000", Ct))["data"]!.AsArray().Select(static e => e!.AsObject())];

    private static Task<InsulaProcess> StartAsync(TempFolder folder, TestDatabase? database, EffectServer effects, (RunPoint Point, int Time)? death) =>
        DyingNode.StartAsync(folder, database, effects, death?.Point, death?.Time ?? 0, Ct);

    private sealed class Tally
    {
        public int Keyed { get; set; }

        public int Repeated { get; set; }

        public int Unknown { get; set; }

        public int Late { get; set; }

        public override string ToString() => $"{Keyed} keyed calls, {Repeated} of them made again with the same key; {Unknown} outcomes said to be unknown; none doubled";
    }
}
