using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Tests.ManagedAgents;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Runs;

/// <summary>Runs over HTTP, on both stores: what is shown, listed and ended, and what becomes of input meanwhile.</summary>
public abstract class RunEndpointTests(TestStore store)
{
    private const string Long = "!sleep 600000\n!text never";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_is_shown_and_listed_from_its_message_to_its_end()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
        await tenant.Client.SayAsync(session, "!usage 7 3\n!text done", Ct);
        await reader.UntilAsync("session.status_idle", Ct);

        var run = await OnlyRunAsync(tenant.Client, session);
        Assert.Equal(("ended", "end_turn", 1), (run.GetProperty("status").GetString(), run.GetProperty("stop_reason").GetString(), run.GetProperty("steps").GetInt32()));
        Assert.Equal((7, 3), (run.GetProperty("usage").GetProperty("input_tokens").GetInt32(), run.GetProperty("usage").GetProperty("output_tokens").GetInt32()));
        Assert.True(run.GetProperty("created_at").GetDateTimeOffset() <= run.GetProperty("started_at").GetDateTimeOffset());
        Assert.True(run.GetProperty("started_at").GetDateTimeOffset() <= run.GetProperty("ended_at").GetDateTimeOffset());
        Assert.Equal(run.GetRawText(), (await tenant.Client.FetchAsync($"/api/v1/runs/{run.Id()}", Ct)).GetRawText());
    }

    [Fact]
    public async Task A_run_over_the_tokens_a_minute_waits_says_so_and_goes_on()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        await LimitAsync(1);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
        await tenant.Client.SayAsync(session, "!usage 700000 300000\n!text done", Ct);
        await reader.UntilAsync("session.status_idle", Ct);
        var before = await OnlyRunAsync(tenant.Client, session);
        await tenant.Client.SayAsync(session, "!text second", Ct);

        var run = (await RunsAsync(tenant.Client, $"session_id={session}")).Single(run => run.Id() != before.Id());
        var wait = (await tenant.Client.FetchAsync($"/api/v1/runs/{run.Id()}", Ct)).GetProperty("wait");
        Assert.Equal("token_limit", wait.GetProperty("reason").GetString());
        Assert.True(wait.GetProperty("estimated_start").GetDateTimeOffset() > TimeProvider.System.GetUtcNow().AddDays(600));

        await LimitAsync(0);
        await reader.UntilAsync("session.status_idle", Ct);
        var ended = await tenant.Client.FetchAsync($"/api/v1/runs/{run.Id()}", Ct);
        Assert.Equal(("ended", JsonValueKind.Null), (ended.GetProperty("status").GetString(), ended.GetProperty("wait").ValueKind));

        async Task LimitAsync(int tokens)
        {
            using var changed = await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { tokens_per_minute = tokens } }, Ct);
            changed.EnsureSuccessStatusCode();
        }
    }

    [Fact]
    public async Task A_run_behind_another_says_so_and_both_are_ended_by_name()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
        await tenant.Client.SayAsync(session, Long, Ct);
        await reader.UntilAsync("span.model_request_start", Ct);
        await tenant.Client.SayAsync(session, "!text second", Ct);

        var queued = (await RunsAsync(tenant.Client, "statuses=queued"))[0];
        var shown = await tenant.Client.FetchAsync($"/api/v1/runs/{queued.Id()}", Ct);
        Assert.Equal("session", shown.GetProperty("wait").GetProperty("reason").GetString());
        Assert.Equal(JsonValueKind.Null, shown.GetProperty("started_at").ValueKind);

        using (var cancelled = await tenant.Client.PostAsync($"/api/v1/runs/{queued.Id()}/cancel", null, Ct))
        {
            // Over at once, whatever the run before it is doing.
            Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
            Assert.Equal("cancelled", JsonElement.Parse(await cancelled.Content.ReadAsStringAsync(Ct)).GetProperty("stop_reason").GetString());
        }

        var running = (await RunsAsync(tenant.Client, "statuses=running"))[0];
        using (var cancelled = await tenant.Client.PostAsync($"/api/v1/runs/{running.Id()}/cancel", null, Ct)) Assert.Equal(HttpStatusCode.Accepted, cancelled.StatusCode);
        await reader.UntilAsync("session.status_idle", Ct);

        Assert.Equal("cancelled", (await tenant.Client.FetchAsync($"/api/v1/runs/{queued.Id()}", Ct)).GetProperty("stop_reason").GetString());
        Assert.Equal("interrupted", (await tenant.Client.FetchAsync($"/api/v1/runs/{running.Id()}", Ct)).GetProperty("stop_reason").GetString());
        var log = await tenant.Client.FetchAsync($"/v1/sessions/{session}/events?limit=1000", Ct);
        Assert.DoesNotContain(log.GetProperty("data").EnumerateArray(), static e => e.GetProperty("type").GetString() == "agent.message");

        // Of a run that is over nothing changes, and the trail has what was asked for.
        using var again = await tenant.Client.PostAsync($"/api/v1/runs/{running.Id()}/cancel", null, Ct);
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        var trail = await tenant.Client.FetchAsync("/api/v1/audit?limit=100", Ct);
        Assert.Equal(2, trail.GetProperty("data").EnumerateArray().Count(static record => record.GetProperty("action").GetString() == "run.cancel"));
    }

    [Fact]
    public async Task Messages_during_a_run_meet_the_policy_of_the_request_or_else_of_the_agent()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var agent = await tenant.Client.MakeAsync("/v1/agents", new { name = "a", model = "insula/scripted", input_policy = "reject" }, Ct);
        Assert.Equal("reject", agent.GetProperty("input_policy").GetString());
        var environment = await tenant.Client.MakeAsync("/v1/environments", new { name = "e" }, Ct);
        var session = (await tenant.Client.MakeAsync("/v1/sessions", new { agent = agent.Id(), environment_id = environment.Id() }, Ct)).Id();
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
        await tenant.Client.SayAsync(session, Long, Ct);
        await reader.UntilAsync("span.model_request_start", Ct);

        using (var refused = await SendAsync(tenant.Client, session, "!text no", policy: null))
        {
            Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
            Assert.Contains("input_policy", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        }

        using (var interrupted = await SendAsync(tenant.Client, session, "!text second", "interrupt")) Assert.Equal(HttpStatusCode.OK, interrupted.StatusCode);
        await reader.UntilAsync("session.status_idle", Ct);
        await reader.UntilAsync("session.status_idle", Ct);
        await tenant.Client.SayAsync(session, Long, Ct);
        await reader.UntilAsync("span.model_request_start", Ct);
        using (var rolledBack = await SendAsync(tenant.Client, session, "!text third", "rollback")) Assert.Equal(HttpStatusCode.OK, rolledBack.StatusCode);
        await reader.UntilAsync("session.run_rolled_back", Ct);
        var last = await reader.UntilAsync("agent.message", Ct);
        Assert.Contains("third", last[^1].Data, StringComparison.Ordinal);

        var ends = (await RunsAsync(tenant.Client, "order=asc")).Select(static run => run.GetProperty("stop_reason").GetString()).Take(3);
        Assert.Equal(["interrupted", "end_turn", "rolled_back"], ends);
        using var unknown = await SendAsync(tenant.Client, session, "!text x", "sometimes");
        Assert.Equal(HttpStatusCode.BadRequest, unknown.StatusCode);
    }

    [Fact]
    public async Task An_agent_may_ask_for_tighter_limits_than_the_installation_has()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var agent = await tenant.Client.MakeAsync("/v1/agents", new { name = "a", model = "insula/scripted", run_limits = new { steps = 3, seconds = 60, tokens = 1000 } }, Ct);
        var environment = await tenant.Client.MakeAsync("/v1/environments", new { name = "e" }, Ct);
        var session = (await tenant.Client.MakeAsync("/v1/sessions", new { agent = agent.Id(), environment_id = environment.Id() }, Ct)).Id();
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
        await tenant.Client.SayAsync(session, "!tool knowledge_search {\"query\":\"x\"}\n!loop", Ct);
        await reader.UntilAsync("session.status_idle", Ct);

        var run = await OnlyRunAsync(tenant.Client, session);
        Assert.Equal("limit_reached", run.GetProperty("stop_reason").GetString());
        Assert.Contains("3 steps", run.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);

        using var wrong = await tenant.Client.PostAsJsonAsync("/v1/agents", new { name = "a", model = "insula/scripted", run_limits = new { steps = 0 } }, Ct);
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        Assert.Contains("run_limits.steps", await wrong.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Suspending_a_tenant_ends_fifty_live_runs_within_moments_and_nothing_is_written_or_used_after()
    {
        const int live = 50;
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var first = await tenant.Client.StartSessionAsync(Ct);
        var shown = await tenant.Client.FetchAsync($"/v1/sessions/{first}", Ct);
        List<string> sessions = [first];
        for (var i = 1; i < live; i++)
        {
            sessions.Add((await tenant.Client.MakeAsync("/v1/sessions", new { agent = shown.GetProperty("agent").Id(), environment_id = shown.GetProperty("environment_id").GetString() }, Ct)).Id());
        }

        foreach (var session in sessions) await tenant.Client.SayAsync(session, "!usage 5 5\n!sleep 600000\n!text never", Ct);
        foreach (var session in sessions)
        {
            using var reader = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
            await reader.UntilAsync("span.model_request_start", Ct);
        }

        var began = TimeProvider.System.GetTimestamp();
        (await host.Operator.PostAsync($"/api/v1/tenants/{tenant.Id}/suspend", null, Ct)).EnsureSuccessStatusCode();
        while (await RunningAsync(host) > 0) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        TestContext.Current.TestOutputHelper!.WriteLine($"{live} live runs stopped {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:0} ms after the suspension was asked for.");

        (await host.Operator.PostAsync($"/api/v1/tenants/{tenant.Id}/resume", null, Ct)).EnsureSuccessStatusCode();
        foreach (var session in sessions)
        {
            var found = await tenant.Client.FetchAsync($"/v1/sessions/{session}", Ct);
            Assert.Equal(0, found.GetProperty("usage").GetProperty("input_tokens").GetInt64());
        }
    }

    /// <summary>Steps under way on the server, of all tenants.</summary>
    private static async Task<int> RunningAsync(TestHost host)
    {
        var page = await host.Operator.GetStringAsync("/metrics", Ct);
        var line = page.Split('\n').First(static line => line.StartsWith("insula_runs_at_work ", StringComparison.Ordinal));
        return int.Parse(line.Split(' ')[1]);
    }

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, string session, string text, string? policy) => client.PostAsJsonAsync(
        $"/v1/sessions/{session}/events",
        new { events = new[] { new { type = "user.message", content = new[] { new { type = "text", text } } } }, input_policy = policy },
        Ct);

    private static async Task<JsonElement> OnlyRunAsync(HttpClient client, string session) => Assert.Single(await RunsAsync(client, $"session_id={session}"));

    private static async Task<List<JsonElement>> RunsAsync(HttpClient client, string query) =>
        [.. (await client.FetchAsync($"/api/v1/runs?{query}", Ct)).GetProperty("data").EnumerateArray()];
}

public sealed class RunsEmbeddedTests(EmbeddedStore store) : RunEndpointTests(store), IClassFixture<EmbeddedStore>;

public sealed class RunsOnPostgresTests(PostgresStore store) : RunEndpointTests(store), IClassFixture<PostgresStore>;
