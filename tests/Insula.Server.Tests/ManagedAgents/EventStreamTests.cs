using System.Net;
using System.Net.Http.Json;
using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>Live views of a session: nothing lost, nothing twice, and an end when the reader's right ends.</summary>
public abstract class EventStreamTests(TestStore store)
{
    private const string Idle = "session.status_idle";

    /// <summary>A stream that does not end when it should would hold up its test for ever.</summary>
    private const int LimitMs = 60_000;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory(Timeout = LimitMs)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_reader_that_drops_out_again_and_again_sees_every_event_once(int seed)
    {
        const int messages = 12;
        var random = new Random(seed);
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        var said = Task.Run(
            async () =>
            {
                for (var i = 0; i < messages; i++) await tenant.Client.SayAsync(session, $"!text answer {i}", Ct);
            },
            Ct);

        var seen = new List<ReadFrame>();
        while (!AllAnswered(seen))
        {
            using var reader = await EventReader.OpenAsync(tenant.Client, session, after: seen.Count == 0 ? 0 : seen[^1].Seq, Ct, "?event_deltas[]=agent.message");
            for (var left = random.Next(1, 9); left > 0 && !AllAnswered(seen); left--)
            {
                var frame = await reader.NextAsync(Ct);
                Assert.NotNull(frame);
                if (frame.Seq is not null) seen.Add(frame);
            }
        }

        await said;
        Assert.Equal(Enumerable.Range(1, seen.Count).Select(i => (long?)i), seen.Select(frame => frame.Seq));
        var history = await tenant.Client.FetchAsync($"/v1/sessions/{session}/events?limit=1000", Ct);
        Assert.Equal(
            history.GetProperty("data").EnumerateArray().Take(seen.Count).Select(e => e.Id()),
            seen.Select(frame => frame.Json.Id()));

        // Messages that come while a run is under way are answered together, so answers are not counted.
        static bool AllAnswered(List<ReadFrame> seen) => seen is [.., { Type: Idle }] && seen.Count(frame => frame.Type is "user.message") == messages;
    }

    [Fact(Timeout = LimitMs)]
    public async Task A_reader_that_does_not_read_holds_up_nobody_and_misses_nothing()
    {
        const int messages = 40;
        await using var host = await store.StartAsync(new TestHostOptions { RealPort = true }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var lazy = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct, "?event_deltas=agent.message");
        using var eager = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct);

        var text = new string('x', 2_000);
        for (var i = 0; i < messages; i++)
        {
            await tenant.Client.SayAsync(session, $"!text {i} {text}", Ct);
            await eager.UntilAsync(Idle, Ct);
        }

        var late = new List<ReadFrame>();
        while (late.Count(frame => frame.Type is Idle) < messages) late.Add((await lazy.NextAsync(Ct))!);
        var logged = late.Where(frame => frame.Seq is not null).Select(frame => frame.Seq!.Value).ToList();
        Assert.Equal(Enumerable.Range(1, logged.Count).Select(i => (long)i), logged);
    }

    [Fact(Timeout = LimitMs)]
    public async Task Without_a_cursor_a_stream_begins_now()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using (var first = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct))
        {
            await tenant.Client.SayAsync(session, "!text before", Ct);
            await first.UntilAsync(Idle, Ct);
        }

        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct);
        await tenant.Client.SayAsync(session, "!text after", Ct);
        var frames = await reader.UntilAsync(Idle, Ct);
        Assert.Equal("user.message", frames[0].Type);
        Assert.DoesNotContain(frames, frame => frame.Data.Contains("before", StringComparison.Ordinal));
        Assert.Equal("no-cache", reader.Answer.Headers.CacheControl?.ToString());
        Assert.Equal("no", Assert.Single(reader.Answer.Headers.GetValues("X-Accel-Buffering")));
        Assert.Equal("text/event-stream", reader.Answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact(Timeout = LimitMs)]
    public async Task Previews_carry_no_number_so_they_never_become_a_cursor()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct, "?event_deltas[]=agent.message&event_deltas[]=agent.thinking");
        await tenant.Client.SayAsync(session, "!text some words to preview", Ct);
        var frames = await reader.UntilAsync(Idle, Ct);
        var previews = frames.Where(frame => frame.Type is "event_start" or "event_delta").ToList();
        Assert.NotEmpty(previews);
        Assert.All(previews, frame => Assert.Null(frame.Seq));
        Assert.All(frames.Except(previews), frame => Assert.NotNull(frame.Seq));
    }

    [Theory(Timeout = LimitMs)]
    [InlineData("-1")]
    [InlineData("x")]
    [InlineData("99999999999999999999")]
    [InlineData("1")]
    public async Task A_cursor_of_another_stream_is_refused_by_name(string cursor)
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/sessions/{session}/events/stream");
        request.Headers.Add("Last-Event-ID", cursor);
        using var answer = await tenant.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("Last-Event-ID", await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact(Timeout = LimitMs)]
    public async Task Silence_is_filled_with_comments()
    {
        var clock = new ManualClock();
        await using var host = await store.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct);
        var frame = await AdvanceUntilAsync(clock, reader.NextAsync(Ct));
        Assert.Equal(new ReadFrame(null, null, ": keep-alive"), frame);
    }

    [Theory(Timeout = LimitMs)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_ends_at_once_when_its_key_is_revoked_or_its_member_removed(bool withMember)
    {
        // On a clock that stands, no keep-alive comes to the help of the signal.
        await using var host = await store.StartAsync(new TestHostOptions { Clock = new ManualClock() }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        var member = (await tenant.Client.MakeAsync("/api/v1/members", new { name = "Ada", role = "viewer" }, Ct)).Id();
        var key = await tenant.Client.MakeAsync("/api/v1/keys", new { name = "reader", member }, Ct);
        using var client = host.Client(key.GetProperty("secret").GetString());
        using var reader = await EventReader.OpenAsync(client, session, after: null, Ct);
        using var other = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct);

        using var ended = await tenant.Client.DeleteAsync(new Uri(withMember ? $"/api/v1/members/{member}" : $"/api/v1/keys/{key.Id()}", UriKind.Relative), Ct);
        Assert.Equal(HttpStatusCode.OK, ended.StatusCode);
        await EndsWithAsync(reader, "authentication_error");

        await tenant.Client.SayAsync(session, "!text still read", Ct);
        await other.UntilAsync(Idle, Ct);
    }

    [Fact(Timeout = LimitMs)]
    public async Task A_stream_ends_at_once_when_its_tenant_is_suspended()
    {
        // On a clock that stands, no keep-alive comes to the help of the signal.
        await using var host = await store.StartAsync(new TestHostOptions { Clock = new ManualClock() }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct);
        using var suspended = await host.Operator.PostAsJsonAsync($"/api/v1/tenants/{tenant.Id}/suspend", new { reason = "unpaid" }, Ct);
        Assert.Equal(HttpStatusCode.OK, suspended.StatusCode);
        await EndsWithAsync(reader, "permission_error");
    }

    [Fact(Timeout = LimitMs)]
    public async Task A_stream_ends_at_the_next_keep_alive_when_its_key_expires()
    {
        var clock = new ManualClock();
        await using var host = await store.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        var key = await tenant.Client.MakeAsync("/api/v1/keys", new { name = "short", expires_at = clock.GetUtcNow().AddHours(1) }, Ct);
        using var client = host.Client(key.GetProperty("secret").GetString());
        using var reader = await EventReader.OpenAsync(client, session, after: null, Ct);
        clock.Advance(TimeSpan.FromHours(1));

        ReadFrame? frame;
        do frame = await AdvanceUntilAsync(clock, reader.NextAsync(Ct));
        while (frame?.Type is null);
        Assert.Equal("authentication_error", frame.Json.GetProperty("error").GetProperty("type").GetString());
        Assert.Null(await reader.NextAsync(Ct));
    }

    [Fact(Timeout = LimitMs)]
    public async Task A_stream_ends_when_the_server_stops_and_says_how_to_come_back()
    {
        var host = await store.StartAsync(new TestHostOptions { RealPort = true }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct);
        var next = reader.NextAsync(Ct);
        await host.DisposeAsync();
        var last = await next;
        Assert.Null(last!.Type);
        Assert.Equal("retry: 1000", last.Data);
        Assert.Null(await reader.NextAsync(Ct));
    }

    private static async Task EndsWithAsync(EventReader reader, string error)
    {
        var frame = await reader.NextAsync(Ct);
        Assert.Equal("error", frame?.Type);
        Assert.Equal(error, frame!.Json.GetProperty("error").GetProperty("type").GetString());
        Assert.Null(await reader.NextAsync(Ct));
    }

    /// <summary>The stream arms its timer some time after its headers are out, so time moves until the frame is there.</summary>
    private static async Task<ReadFrame?> AdvanceUntilAsync(ManualClock clock, Task<ReadFrame?> frame)
    {
        while (!frame.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(15));
            await Task.Yield();
        }

        return await frame;
    }
}

public sealed class EventStreamsEmbeddedTests(EmbeddedStore store) : EventStreamTests(store), IClassFixture<EmbeddedStore>;

public sealed class EventStreamsOnPostgresTests(PostgresStore store) : EventStreamTests(store), IClassFixture<PostgresStore>;
