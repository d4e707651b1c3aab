using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using Insula.EndToEnd.Crashes;
using Insula.TestKit;
using Insula.TestKit.Postgres;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Nodes;

/// <summary>Two real servers on one PostgreSQL: what one of them does is seen, heeded and carried on by the other.</summary>
public sealed class TwoNodesTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string LongRun = "!sleep 120000\n!text done";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly TempFolder _folderA = new();
    private readonly TempFolder _folderB = new();
    private PostgresServer _postgres = null!;
    private TestDatabase _database = null!;
    private InsulaProcess _a = null!;
    private InsulaProcess _b = null!;
    private HttpClient _platform = null!;
    private (string Id, string Key) _tenant;
    private (string Agent, string Environment) _agent;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _postgres = await PostgresServer.StartAsync(Cluster.Durable, Ct);
        _database = await _postgres.CreateDatabaseAsync(Ct);
        _a = await Cluster.StartNodeAsync(_folderA, _database, Ct);
        _b = await Cluster.StartNodeAsync(_folderB, _database, Ct);
        _platform = _a.Client(_a.Started.OperatorKey!);
        _tenant = await _platform.CreateTenantAsync("nodes", Ct);
        using var client = _a.Client(_tenant.Key);
        _agent = await client.CreateAgentAsync("insula/scripted", Ct);
    }

    public async ValueTask DisposeAsync()
    {
        _platform.Dispose();
        await _a.DisposeAsync();
        await _b.DisposeAsync();
        await _postgres.DisposeAsync();
        _folderA.Dispose();
        _folderB.Dispose();
    }

    [Fact]
    public async Task An_event_appended_on_one_node_streams_on_the_other()
    {
        const int messages = 200;
        using var onA = _a.Client(_tenant.Key);
        using var onB = _b.Client(_tenant.Key);
        var session = await onA.CreateSessionAsync(_agent.Agent, _agent.Environment, Ct);
        var seen = new ConcurrentDictionary<string, long>();
        var last = new TaskCompletionSource();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watching = WatchAsync(onB, session, e =>
        {
            if (e.Type != "user.message") return;
            seen[e.Data["id"]!.GetValue<string>()] = TimeProvider.System.GetTimestamp();
            if (seen.Count == messages) last.TrySetResult();
        }, enough.Token);
        List<(string Id, long Answered)> sent = [];
        for (var i = 0; i < messages; i++)
        {
            var id = await onA.SendAsync(session, "!text yes", Ct);
            sent.Add((id, TimeProvider.System.GetTimestamp()));
        }

        await last.Task.WaitAsync(Limit, Ct);
        await enough.CancelAsync();
        await watching;

        // Seen before the sender has its answer counts as none.
        var took = sent.Select(message => seen[message.Id] <= message.Answered ? 0 : TimeProvider.System.GetElapsedTime(message.Answered, seen[message.Id]).TotalMilliseconds).Order().ToList();
        output.WriteLine($"Acknowledged on one node to seen on the other's stream: p50 {took[messages / 2]:0.0} ms, p99 {took[messages * 99 / 100]:0.0} ms, at most {took[^1]:0.0} ms.");
        Assert.True(took[messages / 2] < 1000, $"p50 {took[messages / 2]:0.0} ms.");
    }

    [Fact]
    public async Task An_interrupt_on_one_node_stops_the_run_on_the_other()
    {
        using var onA = _a.Client(_tenant.Key);
        using var onB = _b.Client(_tenant.Key);
        List<TimeSpan> took = [];
        for (var i = 0; i < 3; i++)
        {
            var session = await StartLongRunAsync(onA);
            var began = TimeProvider.System.GetTimestamp();
            await onB.PostAsync($"/v1/sessions/{session}/events", new { events = new[] { new { type = "user.interrupt" } } }, Ct);
            await UntilAsync(onB, session, "session.status_idle");
            took.Add(TimeProvider.System.GetElapsedTime(began));
        }

        output.WriteLine($"Interrupt on one node to idle on the other: {Quantiles.Of(took)}.");
        Assert.All(took, static time => Assert.True(time < TimeSpan.FromSeconds(5), $"{time}"));
    }

    [Fact]
    public async Task A_key_revoked_on_one_node_is_refused_on_the_other_and_its_stream_there_ends()
    {
        using var onA = _a.Client(_tenant.Key);
        var session = await onA.CreateSessionAsync(_agent.Agent, _agent.Environment, Ct);
        List<TimeSpan> took = [];
        for (var i = 0; i < 3; i++)
        {
            var key = await onA.PostAsync("/api/v1/keys", new { name = "short-lived" }, Ct);
            using var onB = _b.Client(key["secret"]!.GetValue<string>());
            await onB.GetObjectAsync("/api/v1/me", Ct);
            var open = new TaskCompletionSource();
            var watching = WatchAsync(onB, session, _ => open.TrySetResult(), Ct, after: 0);
            await onA.SendAsync(session, "!text hello", Ct);
            await open.Task.WaitAsync(Limit, Ct);

            using var revoked = await onA.DeleteAsync($"/api/v1/keys/{key.Id()}", Ct);
            revoked.EnsureSuccessStatusCode();
            var began = TimeProvider.System.GetTimestamp();
            await AnsweredAsync(onB, HttpStatusCode.Unauthorized);
            await watching.WaitAsync(Limit, Ct);
            took.Add(TimeProvider.System.GetElapsedTime(began));
        }

        output.WriteLine($"Revoked on one node to refused on the other and its stream ended: {Quantiles.Of(took)}.");
        Assert.All(took, static time => Assert.True(time < TimeSpan.FromSeconds(5), $"{time}"));
    }

    [Fact]
    public async Task A_member_whose_role_is_lowered_on_one_node_is_held_to_it_on_the_other_and_refused_there_when_removed()
    {
        using var onA = _a.Client(_tenant.Key);
        var member = (await onA.PostAsync("/api/v1/members", new { name = "Ada", role = "admin" }, Ct)).Id();
        var key = await onA.PostAsync("/api/v1/keys", new { name = "k", scopes = new[] { "read", "admin" }, member }, Ct);
        using var onB = _b.Client(key["secret"]!.GetValue<string>());
        await onB.GetObjectAsync("/api/v1/members", Ct);

        using var lowered = await onA.PatchAsJsonAsync($"/api/v1/members/{member}", new { role = "viewer" }, Ct);
        lowered.EnsureSuccessStatusCode();
        var began = TimeProvider.System.GetTimestamp();
        await AnsweredAsync(onB, HttpStatusCode.Forbidden, "/api/v1/members");
        var held = TimeProvider.System.GetElapsedTime(began);
        await AnsweredAsync(onB, HttpStatusCode.OK);

        using var removed = await onA.DeleteAsync($"/api/v1/members/{member}", Ct);
        removed.EnsureSuccessStatusCode();
        began = TimeProvider.System.GetTimestamp();
        await AnsweredAsync(onB, HttpStatusCode.Unauthorized);
        var ended = TimeProvider.System.GetElapsedTime(began);
        output.WriteLine($"Lowered on one node to held on the other: {held.TotalMilliseconds:0} ms; removed to refused: {ended.TotalMilliseconds:0} ms.");
        Assert.All((TimeSpan[])[held, ended], static time => Assert.True(time < TimeSpan.FromSeconds(5), $"{time}"));
    }

    [Fact]
    public async Task A_tenant_suspended_on_one_node_is_stopped_on_the_other()
    {
        using var onA = _a.Client(_tenant.Key);
        using var operatorOnB = _b.Client(_a.Started.OperatorKey!);
        var session = await StartLongRunAsync(onA);
        var before = await NewestAsync(onA, session);
        await operatorOnB.PostAsync($"/api/v1/tenants/{_tenant.Id}/suspend", new { reason = "test" }, Ct);
        var began = TimeProvider.System.GetTimestamp();
        await AnsweredAsync(onA, HttpStatusCode.Forbidden);
        var took = TimeProvider.System.GetElapsedTime(began);
        output.WriteLine($"Suspended on one node to refused on the other: {took.TotalMilliseconds:0} ms.");
        Assert.True(took < TimeSpan.FromSeconds(5), $"{took}");

        // Resumed there, the run that was cut off asks its model again, on whichever node finds it.
        await operatorOnB.PostAsync($"/api/v1/tenants/{_tenant.Id}/resume", new { }, Ct);
        await AnsweredAsync(onA, HttpStatusCode.OK);
        await UntilAsync(onA, session, "span.model_request_start", before);
    }

    [Fact]
    public async Task What_is_learned_forgotten_and_deleted_on_one_node_is_so_on_the_other()
    {
        using var onA = _a.Client(_tenant.Key);
        using var onB = _b.Client(_tenant.Key);
        for (var i = 0; i < 20; i++)
        {
            var (here, there) = i % 2 == 0 ? (onA, onB) : (onB, onA);
            var source = (await here.PostAsync("/api/v1/knowledge/learn", new { source = "gates.md", text = $"The word{i} is what gates are." }, Ct)).Id();
            Assert.Single((await there.PostAsync("/api/v1/knowledge/query", new { query = $"word{i}" }, Ct))["citations"]!.AsArray());
            using var forgotten = await here.DeleteAsync($"/api/v1/knowledge/sources/{source}", Ct);
            forgotten.EnsureSuccessStatusCode();
            Assert.Empty((await there.PostAsync("/api/v1/knowledge/query", new { query = $"word{i}" }, Ct))["citations"]!.AsArray());
        }

        var session = await onA.CreateSessionAsync(_agent.Agent, _agent.Environment, Ct);
        var open = new TaskCompletionSource();
        var watching = WatchAsync(onB, session, _ => open.TrySetResult(), Ct, after: 0);
        await onA.SendAsync(session, "!text hello", Ct);
        await open.Task.WaitAsync(Limit, Ct);
        await UntilAsync(onA, session, "session.status_idle");
        using var deleted = await onA.DeleteAsync($"/v1/sessions/{session}", Ct);
        deleted.EnsureSuccessStatusCode();
        await watching.WaitAsync(Limit, Ct);
    }

    [Fact]
    public async Task A_node_that_is_killed_leaves_its_runs_to_the_other_within_seconds()
    {
        List<TimeSpan> took = [];
        for (var i = 0; i < 3; i++)
        {
            using var onA = _a.Client(_tenant.Key);
            using var onB = _b.Client(_tenant.Key);
            var session = await StartLongRunAsync(onA);
            var before = await NewestAsync(onB, session);
            var taken = UntilAsync(onB, session, "span.model_request_start", before);
            var killed = TimeProvider.System.GetTimestamp();
            await _a.KillAsync();
            await taken;
            took.Add(TimeProvider.System.GetElapsedTime(killed));
            await onB.PostAsync($"/v1/sessions/{session}/events", new { events = new[] { new { type = "user.interrupt" } } }, Ct);
            await UntilAsync(onB, session, "session.status_idle");
            await _a.DisposeAsync();
            _a = await Cluster.StartNodeAsync(_folderA, _database, Ct);
        }

        output.WriteLine($"Killed to taken up by the other node, {took.Count} times: {Quantiles.Of(took)}.");
        Assert.All(took, static time => Assert.True(time < TimeSpan.FromSeconds(10), $"{time}"));
    }

    /// <summary>A session whose model takes its time, on the node of this client.</summary>
    private async Task<string> StartLongRunAsync(HttpClient client)
    {
        var session = await client.CreateSessionAsync(_agent.Agent, _agent.Environment, Ct);
        await client.SendAsync(session, LongRun, Ct);
        await UntilAsync(client, session, "span.model_request_start");
        return session;
    }

    private static async Task<long> NewestAsync(HttpClient client, string session)
    {
        long newest = 0;
        await foreach (var e in client.WatchAsync(session, after: 0, Ct))
        {
            newest = e.Seq ?? newest;
            if (e.Type == "span.model_request_start") break;
        }

        return newest;
    }

    private static async Task UntilAsync(HttpClient client, string session, string type, long after = 0)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(Limit);
        await foreach (var e in client.WatchAsync(session, after, limit.Token))
        {
            if (e.Type == type) return;
        }

        Assert.Fail($"The stream ended before {type}.");
    }

    private static async Task WatchAsync(HttpClient client, string session, Action<StreamedEvent> on, CancellationToken ct, long? after = 0)
    {
        try
        {
            await foreach (var e in client.WatchAsync(session, after, ct)) on(e);
        }
        catch (OperationCanceledException) when (!Ct.IsCancellationRequested)
        {
            // Seen enough.
        }
    }

    private static async Task AnsweredAsync(HttpClient client, HttpStatusCode status, string path = "/api/v1/me")
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(Limit);
        while (true)
        {
            using var answer = await client.GetAsync(path, limit.Token);
            if (answer.StatusCode == status) return;
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);
        }
    }
}
