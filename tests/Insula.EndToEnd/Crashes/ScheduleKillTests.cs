using System.Globalization;
using System.Text.Json.Nodes;
using Insula.Agents.Schedules;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// Three nodes share schedules that fire every minute, on a clock that has one each second, and die by SIGKILL again and
/// again: at the points of a firing, and at any moment. In the end every moment stands in the history once, and what fired ran once.
/// </summary>
public sealed class ScheduleKillTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly InsulaProcess?[] _nodes = new InsulaProcess?[3];

    /// <summary>What fits into the suite; INSULA_TEST_SCHEDULE_KILLS=100 for more.</summary>
    private static int Kills => int.TryParse(Environment.GetEnvironmentVariable("INSULA_TEST_SCHEDULE_KILLS"), out var count) ? count : 3;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A node that is up.</summary>
    private InsulaProcess Node => _nodes.Select(static (_, i) => i).Select(i => Volatile.Read(ref _nodes[i])).First(static node => node is not null)!;

    [Fact]
    public async Task Each_moment_of_a_schedule_is_recorded_once_and_fires_at_most_once_while_nodes_are_killed()
    {
        using TempFolder one = new(), other = new(), third = new();
        TempFolder[] folders = [one, other, third];
        await using var effects = await EffectServer.StartAsync(Ct);
        await using var postgres = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        var database = await postgres.CreateDatabaseAsync(Ct);
        var since = TimeProvider.System.GetUtcNow();
        try
        {
            for (var i = 0; i < _nodes.Length; i++) _nodes[i] = await StartAsync(i, i);
            List<Clockwork> made = [await Clockwork.MakeAsync(Node, "shared"), await Clockwork.MakeAsync(Node, "schema")];
            await KillAsync(made, folders, StartAsync);
            var (moments, fired) = (0L, 0);
            foreach (var clockwork in made)
            {
                using var client = Node.Client(clockwork.Key);
                foreach (var schedule in clockwork.Schedules) await client.PostAsync($"/api/v1/schedules/{schedule}/pause", new { }, Ct);
                var (its, fires) = await clockwork.AssertOnceAsync(client);
                (moments, fired) = (moments + its, fired + fires);
            }

            output.WriteLine($"{Kills} deaths of a node of {_nodes.Length}: {moments} moments, each recorded once; {fired} of them fired, each once.");
        }
        finally
        {
            foreach (var node in _nodes) if (node is not null) await node.DisposeAsync();
        }

        Task<InsulaProcess> StartAsync(int node, int kill) => DyingNode.StartHastyAsync(folders[node], database, effects, since, DeathOf(kill), Ct);
    }

    /// <summary>At which point a node dies that is told to; null where it is killed from outside at any moment.</summary>
    private static SchedulePoint? DeathOf(int kill) => (kill % 4) switch
    {
        0 => SchedulePoint.AfterSent,
        1 => SchedulePoint.BeforeSent,
        2 => null,
        _ => SchedulePoint.AfterLine,
    };

    /// <summary>Has a node die whenever moments have come and gone, and has it back meanwhile.</summary>
    private async Task KillAsync(IReadOnlyList<Clockwork> made, TempFolder[] folders, Func<int, int, Task<InsulaProcess>> startAsync)
    {
        var random = new Random(20261122);
        var starting = Enumerable.Repeat(Task.CompletedTask, _nodes.Length).ToArray();
        for (var kill = 0; kill < Kills; kill++)
        {
            await made[kill % made.Count].PassAsync(() => Node, moments: random.Next(1, 3));

            // Never the last one that is up.
            await Task.WhenAll(starting);
            var victim = kill % _nodes.Length;
            var node = Interlocked.Exchange(ref _nodes[victim], null)!;
            if (DeathOf(kill) is null)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(700)), TimeProvider.System, Ct);
            }
            else
            {
                DyingNode.Arm(folders[victim]);
                await node.DiedAsync(Ct);
            }

            await node.DisposeAsync();
            starting[victim] = StartAgainAsync(victim, kill + _nodes.Length);
        }

        await Task.WhenAll(starting);
        foreach (var clockwork in made) await clockwork.PassAsync(() => Node, moments: 1);

        async Task StartAgainAsync(int node, int next) => Volatile.Write(ref _nodes[node], await startAsync(node, next));
    }

    /// <summary>A tenant's schedules: two that make sessions of their own, and one that is sent into a session.</summary>
    private sealed record Clockwork(string Key, string Session, IReadOnlyList<string> Schedules)
    {
        public static async Task<Clockwork> MakeAsync(InsulaProcess node, string placement)
        {
            using var platform = node.Client(DyingNode.OperatorKey);
            var (_, key) = await platform.CreateTenantAsync(placement, Ct, placement);
            using var client = node.Client(key);
            var (agent, environment) = await client.CreateAgentAsync("insula/scripted", Ct);
            var session = await client.CreateSessionAsync(agent, environment, Ct);
            object own = new { name = "own", cron = "* * * * *", agent, environment, prompt = "!text tick", missed = "run_all" };
            object sent = new { name = "sent", cron = "* * * * *", session, prompt = "!text tock", missed = "run_all" };
            List<string> schedules = [];
            foreach (var body in (object[])[own, own, sent]) schedules.Add((await client.PostAsync("/api/v1/schedules", body, Ct)).Id());
            return new(key, session, schedules);
        }

        /// <summary>Until the newest line of a schedule is so many moments on.</summary>
        public async Task PassAsync(Func<InsulaProcess> node, int moments)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            limit.CancelAfter(Limit);
            DateTimeOffset? first = null;
            while (true)
            {
                using var client = node().Client(Key);
                var newest = (await client.GetObjectAsync($"/api/v1/schedules/{Schedules[0]}/history?limit=1", limit.Token))["data"]!.AsArray();
                if (newest.Count > 0)
                {
                    var at = TimeOf(newest[0]!, "scheduled_for");
                    if (at - (first ??= at) >= moments * Minute) return;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
            }
        }

        /// <summary>How many moments there were, and how many of them fired.</summary>
        public async Task<(long Moments, int Fired)> AssertOnceAsync(HttpClient client)
        {
            var (moments, fired) = (0L, 0);
            List<string> sessions = [Session];
            foreach (var schedule in Schedules)
            {
                var lines = await HistoryAsync(client, schedule);
                moments += AssertWithoutGap(lines, TimeOf(await client.GetObjectAsync($"/api/v1/schedules/{schedule}", Ct), "created_at"));
                var fires = lines.FindAll(static line => (string?)line["outcome"] == "fired");
                fired += fires.Count;
                if ((string?)fires[0]["session_id"] == Session) await AssertSentOnceAsync(client, fires);
                else sessions.AddRange(await AssertRanOnceAsync(client, fires));
            }

            // No session but those that the history names.
            Assert.Equal(sessions.Order(StringComparer.Ordinal), (await AllAsync(client, "/v1/sessions?limit=100")).Select(static s => s.Id()).Order(StringComparer.Ordinal));
            return (moments, fired);
        }

        /// <summary>Every minute since the schedule was made is in one line, and in no other.</summary>
        private static long AssertWithoutGap(IReadOnlyList<JsonObject> lines, DateTimeOffset created)
        {
            var last = new DateTimeOffset(created.Ticks / Minute.Ticks * Minute.Ticks, TimeSpan.Zero);
            var moments = 0L;
            foreach (var line in lines)
            {
                Assert.Contains((string?)line["outcome"], (string[])["fired", "skipped_overlap", "skipped_missed"]);
                Assert.Equal(last + Minute, TimeOf(line, "since"));
                last = TimeOf(line, "scheduled_for");
                Assert.Equal((long)((last - TimeOf(line, "since")) / Minute) + 1, (long)line["moments"]!);
                moments += (long)line["moments"]!;
            }

            return moments;
        }

        private static async Task<IReadOnlyList<string>> AssertRanOnceAsync(HttpClient client, List<JsonObject> fires)
        {
            var sessions = fires.ConvertAll(static line => (string)line["session_id"]!);
            Assert.Distinct(sessions);
            foreach (var (line, session) in fires.Zip(sessions))
            {
                var log = await SettledLogs.ReadAsync(client, session, Ct);
                Assert.Single(log, static e => e.Type == "user.message");
                Assert.Single(log, static e => e.Type == "agent.message");
                var run = Assert.Single(await AllAsync(client, $"/api/v1/runs?session_id={session}"));
                Assert.Equal((run.Id(), "end_turn"), ((string?)line["run_id"] ?? run.Id(), (string?)run["stop_reason"]));
            }

            return sessions;
        }

        /// <summary>Into one session each firing sent one message, and each message was answered, alone or with those that waited beside it.</summary>
        private async Task AssertSentOnceAsync(HttpClient client, List<JsonObject> fires)
        {
            var log = await SettledLogs.ReadAsync(client, Session, Ct);
            Assert.Equal(fires.Count, log.Count(static e => e.Type == "user.message"));
            Assert.All(await AllAsync(client, $"/api/v1/runs?session_id={Session}&limit=100"), static run => Assert.Equal("end_turn", (string?)run["stop_reason"]));
        }

        /// <summary>The history, oldest first, once nothing in it is pending.</summary>
        private static async Task<List<JsonObject>> HistoryAsync(HttpClient client, string schedule)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            limit.CancelAfter(Limit);
            while ((await AllAsync(client, $"/api/v1/schedules/{schedule}/history?outcome=pending")).Count > 0) await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
            var lines = await AllAsync(client, $"/api/v1/schedules/{schedule}/history?limit=100");
            lines.Reverse();
            return lines;
        }

        private static async Task<List<JsonObject>> AllAsync(HttpClient client, string path)
        {
            List<JsonObject> all = [];
            string? next = null;
            do
            {
                var page = await client.GetObjectAsync(next is null ? path : $"{path}&page={Uri.EscapeDataString(next)}", Ct);
                all.AddRange(page["data"]!.AsArray().Select(static item => item!.AsObject()));
                next = (string?)page["next_page"];
            }
            while (next is not null);
            return all;
        }

        private static DateTimeOffset TimeOf(JsonNode node, string member) => DateTimeOffset.Parse((string)node[member]!, CultureInfo.InvariantCulture);
    }
}
