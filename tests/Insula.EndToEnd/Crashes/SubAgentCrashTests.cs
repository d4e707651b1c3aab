using System.Text.Json.Nodes;
using Insula.Agents.Runs;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// The real server dies by SIGKILL at each point between a run and the agents that it calls. One start after the other goes on
/// with what is left, and dies at the next point; the last one lives, and every log is read to its end.
/// </summary>
public sealed class SubAgentCrashTests(ITestOutputHelper output)
{
    private const int Parents = 2;
    private const string Helped = "from the helper";
    private const string Script =
        """
        !tool run_agent {"agent":"helper","prompt":"!tool keyed {}\n!tool plain {}\n!text from the helper"}
        !tool run_agent {"agent":"helper","prompt":"!tool keyed {}\n!tool plain {}\n!text from the helper"}
        !text done
        """;

    private const string Sleeping = """!tool run_agent {"agent":"helper","prompt":"!tool keyed {}\n!sleep 3600000\n!text too late"}""";

    private static readonly (Enum Point, int Time)[] OfACancel = [(ChildPoint.Interrupted, 1), (ChildPoint.BeforeInterrupt, 1)];

    /// <summary>
    /// The later points first, so that what the start before left does not reach the point before something new does. The
    /// third result that is recorded is the first of a parent.
    /// </summary>
    private static readonly (Enum Point, int Time)[] OfACall =
    [
        (RunPoint.AfterToolResult, 3), (ChildPoint.Answered, 1), (ChildPoint.ParentWoken, 1), (ChildPoint.ParentAsleep, 1), (ChildPoint.Made, 1), (ChildPoint.Unmade, 1),
    ];

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>The two stores share the points out, as much as fits into the suite; INSULA_TEST_CHILD_CRASHES=all for every point on both.</summary>
    private static bool Everywhere => Environment.GetEnvironmentVariable("INSULA_TEST_CHILD_CRASHES") is "all";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_files_each_call_of_an_agent_has_one_child_and_its_answer_whatever_crashes() => await CrashEverywhereAsync(database: null);

    [Fact]
    public async Task On_PostgreSQL_each_call_of_an_agent_has_one_child_and_its_answer_whatever_crashes()
    {
        await using var server = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        await CrashEverywhereAsync(await server.CreateDatabaseAsync(Ct));
    }

    private async Task CrashEverywhereAsync(TestDatabase? database)
    {
        using var folder = new TempFolder();
        await using var effects = await EffectServer.StartAsync(Ct);
        Family? family = null;
        List<string> cancelled = [], parents = [];
        var deaths = 0;
        foreach (var (point, time) in ShareOf(OfACancel, database))
        {
            await using var node = await DyingNode.StartAsync(folder, database, effects, point, time, Ct);
            family ??= await Family.MakeAsync(node);
            await UntilItDiesAsync(node, family, client => CancelAsync(client, family, cancelled));
            deaths++;
        }

        foreach (var (point, time) in ShareOf(OfACall, database))
        {
            await using var node = await DyingNode.StartAsync(folder, database, effects, point, time, Ct);
            await UntilItDiesAsync(node, family!, client => AskAsync(client, family!, parents));
            deaths++;
        }

        await using var last = await DyingNode.StartAsync(folder, database, effects, dieAt: null, time: 0, Ct);
        using var reader = last.Client(family!.Key);
        var children = 0;
        foreach (var parent in cancelled) children += await AssertCancelledAsync(reader, parent);
        foreach (var parent in parents) children += await AssertAnsweredAsync(reader, parent, effects);
        output.WriteLine($"{deaths} crashes, {parents.Count} runs that called agents and {cancelled.Count} that were cancelled: {children} children, each made once.");
    }

    private static IEnumerable<(Enum Point, int Time)> ShareOf((Enum Point, int Time)[] points, TestDatabase? database) =>
        Everywhere ? points : points.Where((_, i) => i % 2 == (database is null ? 0 : 1));

    /// <summary>Asks for work until the node is dead. What is not acknowledged may be in the log or not: the last start looks.</summary>
    private static async Task UntilItDiesAsync(InsulaProcess node, Family family, Func<HttpClient, Task> workAsync)
    {
        using var client = node.Client(family.Key);
        try
        {
            await workAsync(client);
        }
        catch (Exception dead) when (dead is HttpRequestException { StatusCode: null } or IOException)
        {
            // It died, perhaps of what the start before had left.
        }

        await node.DiedAsync(Ct);
    }

    private static async Task AskAsync(HttpClient client, Family family, List<string> parents)
    {
        for (var i = 0; i < Parents; i++)
        {
            var session = await client.CreateSessionAsync(family.Asking, family.Environment, Ct);
            parents.Add(session);
            await client.SendAsync(session, Script, Ct);
        }
    }

    /// <summary>Ends a run by name while its child is in the middle of a step.</summary>
    private static async Task CancelAsync(HttpClient client, Family family, List<string> cancelled)
    {
        var session = await client.CreateSessionAsync(family.Asking, family.Environment, Ct);
        await client.SendAsync(session, Sleeping, Ct);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(Limit);
        IReadOnlyList<string> children;
        while ((children = await ChildrenAsync(client, session)).Count == 0) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
        var calls = 0;
        await foreach (var e in client.WatchAsync(children[0], after: 0, limit.Token))
        {
            if (e.Type == "span.model_request_start" && ++calls == 2) break;
        }

        // Taken before the answer is read: the node dies of it.
        cancelled.Add(session);
        await client.PostAsync($"/api/v1/runs/{(await RunAsync(client, session)).Id()}/cancel", new { }, Ct);
    }

    private static async Task<int> AssertCancelledAsync(HttpClient client, string parent)
    {
        var log = await SettledLogs.ReadAsync(client, parent, Ct);
        Assert.Equal("unknown", (string?)Assert.Single(log, static e => e.Type == "agent.tool_result").Data["outcome"]);
        Assert.Equal("interrupted", (string?)(await RunAsync(client, parent))["stop_reason"]);

        var child = Assert.Single(await ChildrenAsync(client, parent));
        var worked = await SettledLogs.ToFirstEndAsync(client, child, Limit, Ct);
        Assert.Equal("interrupted", (string?)(await RunAsync(client, child))["stop_reason"]);
        Assert.DoesNotContain(worked, static e => e.Type == "agent.message");
        Assert.Single(worked, static e => e.Type == "agent.tool_use");
        return 1;
    }

    private static async Task<int> AssertAnsweredAsync(HttpClient client, string parent, EffectServer effects)
    {
        if ((await client.GetObjectAsync($"/v1/sessions/{parent}/events", Ct))["data"]!.AsArray().Count == 0) await client.SendAsync(parent, Script, Ct);
        var log = await SettledLogs.ReadAsync(client, parent, Ct);
        Assert.Equal("end_turn", (string?)log[^1].Data["stop_reason"]!["type"]);
        var results = log.Where(static e => e.Type == "agent.tool_result").ToList();
        Assert.Equal([Helped, Helped], results.Select(static e => (string?)e.Data["content"]![0]!["text"]));
        Assert.All(results, static e => Assert.False((bool)e.Data["is_error"]!));
        Assert.Equal(3, Answers(log));

        var children = await ChildrenAsync(client, parent);
        Assert.Equal(2, children.Count);
        List<int> steps = [];
        foreach (var child in children) steps.Add(await AssertWorkedOnceAsync(client, child, effects));
        Assert.Equal(steps.Order(), results.Select(static e => (int)e.Data["steps"]!).Order());
        return children.Count;
    }

    /// <summary>The steps that it took, those among them whose node died.</summary>
    private static async Task<int> AssertWorkedOnceAsync(HttpClient client, string child, EffectServer effects)
    {
        var log = await SettledLogs.ReadAsync(client, child, Ct);
        Assert.Single(log, static e => e.Type == "user.message");
        Assert.Single(log, static e => e.Type == "agent.message");
        Assert.Equal(3, Answers(log));
        var run = await RunAsync(client, child);
        var uses = log.Where(static e => e.Type == "agent.tool_use").ToList();
        Assert.Equal(["keyed", "plain"], uses.Select(static e => (string?)e.Data["name"]));
        var unknown = log.Where(static e => e.Type == "agent.tool_result").Select(static e => (string?)e.Data["outcome"] == "unknown").ToList();
        var calls = uses.ConvertAll(use => effects.Calls((string)use.Data["name"]!, $"{run.Id()}/{use.Data.Id()}"));
        Assert.False(unknown[0]);
        Assert.InRange(calls[0], 1, 2);
        Assert.InRange(calls[1], unknown[1] ? 0 : 1, 1);
        return (int)run["steps"]!;
    }

    /// <summary>Model calls whose answer is in the log.</summary>
    private static int Answers(IReadOnlyList<StreamedEvent> log) => log.Count(static e => e.Type == "span.model_request_end" && !(bool)e.Data["is_error"]!);

    /// <summary>The only run of the session.</summary>
    private static async Task<JsonObject> RunAsync(HttpClient client, string session) =>
        Assert.Single((await client.GetObjectAsync($"/api/v1/runs?session_id={session}", Ct))["data"]!.AsArray())!.AsObject();

    private static async Task<IReadOnlyList<string>> ChildrenAsync(HttpClient client, string parent) =>
        [.. (await client.GetObjectAsync("/v1/sessions?limit=100", Ct))["data"]!.AsArray().Select(static s => s!.AsObject()).Where(s => (string?)s["parent"]?["session_id"] == parent).Select(static s => s.Id())];

    /// <summary>A tenant with an agent that may call another one.</summary>
    private sealed record Family(string Key, string Asking, string Environment)
    {
        public static async Task<Family> MakeAsync(InsulaProcess node)
        {
            using var platform = node.Client(DyingNode.OperatorKey);
            var (_, key) = await platform.CreateTenantAsync("family", Ct);
            using var client = node.Client(key);
            await client.PostAsync("/v1/agents", new { name = "helper", model = "insula/scripted" }, Ct);
            object[] configs = [new { name = "run_agent", enabled = true }];
            var asking = await client.PostAsync("/v1/agents", new { name = "asking", model = "insula/scripted", tools = new object[] { new { type = "agent_toolset_20260401", configs } } }, Ct);
            var environment = await client.PostAsync("/v1/environments", new { name = "e" }, Ct);
            return new(key, asking.Id(), environment.Id());
        }
    }
}
