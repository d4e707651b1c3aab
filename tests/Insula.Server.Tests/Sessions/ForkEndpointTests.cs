using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Tests.ManagedAgents;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Sessions;

/// <summary>Going back in a session over HTTP.</summary>
public abstract class ForkEndpointTests(TestStore store)
{
    private const string Idle = "session.status_idle";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_fork_is_a_session_like_any_other_with_one_seamless_log()
    {
        await using var host = await store.StartAsync(Ct);
        var (client, session, log) = await TalkAsync(host, "!text one", "!text two");
        var at = log.FindIndex(static frame => frame.Type is Idle) + 1;

        var fork = await ForkAsync(client, session, new { at });
        var origin = await client.FetchAsync($"/v1/sessions/{session}", Ct);
        Assert.Equal(
            origin.EnumerateObject().Select(static member => member.Name).Append("forked_from").Order(StringComparer.Ordinal),
            fork.EnumerateObject().Select(static member => member.Name).Order(StringComparer.Ordinal));
        Assert.Equal((session, (long)at), (fork.GetProperty("forked_from").GetProperty("session_id").GetString(), fork.GetProperty("forked_from").GetProperty("at").GetInt64()));
        Assert.Equal(("idle", 0), (fork.GetProperty("status").GetString(), fork.GetProperty("usage").GetProperty("output_tokens").GetInt64()));
        Assert.Equal(fork.GetProperty("forked_from").GetRawText(), (await client.FetchAsync($"/v1/sessions/{fork.Id()}", Ct)).GetProperty("forked_from").GetRawText());

        await client.SayAsync(fork.Id(), "!text three", Ct);
        using var reader = await EventReader.OpenAsync(client, fork.Id(), after: 2, Ct);
        var seen = await reader.UntilAsync("session.forked", Ct);
        seen.AddRange(await reader.UntilAsync(Idle, Ct));
        Assert.Equal(Enumerable.Range(3, seen.Count).Select(static i => (long?)i), seen.Select(static frame => frame.Seq));
        Assert.Equal(log.Skip(2).Take(at - 2).Select(static frame => frame.Data), seen.Take(at - 2).Select(static frame => frame.Data));
        Assert.Contains("three", seen.Last(static frame => frame.Type is "agent.message").Data, StringComparison.Ordinal);

        var listed = (await client.FetchAsync($"/v1/sessions/{fork.Id()}/events?order=desc&limit=1000", Ct)).GetProperty("data").EnumerateArray().Select(static e => e.Id()).Reverse().ToList();
        Assert.Equal(log.Take(at).Concat(seen.Skip(at - 2)).Select(static frame => frame.Json.Id()), listed);
    }

    [Fact]
    public async Task Another_message_in_place_of_one_starts_at_once()
    {
        await using var host = await store.StartAsync(Ct);
        var (client, session, _) = await TalkAsync(host, "!text one", "!text two");
        var checkpoints = (await client.FetchAsync($"/api/v1/sessions/{session}/checkpoints?limit=100", Ct)).GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(
            ["run_end", "model_answer", "before_message", "run_end", "model_answer", "before_message"],
            checkpoints.Select(static c => c.GetProperty("kind").GetString()));
        var newest = checkpoints.First(static c => c.GetProperty("kind").GetString() is "before_message");

        var fork = await ForkAsync(client, session, new { at = newest.GetProperty("seq").GetInt64(), events = Say("!text instead") });
        using var reader = await EventReader.OpenAsync(client, fork.Id(), after: newest.GetProperty("seq").GetInt64(), Ct);
        var seen = await reader.UntilAsync(Idle, Ct);
        Assert.Equal(["session.forked", "user.message"], seen.Take(2).Select(static frame => frame.Type));
        Assert.Contains("instead", seen.Single(static frame => frame.Type is "agent.message").Data, StringComparison.Ordinal);

        // By run and oldest first, page by page.
        var run = checkpoints[0].GetProperty("run_id").GetString();
        var page = await client.FetchAsync($"/api/v1/sessions/{fork.Id()}/checkpoints?run_id={run}", Ct);
        Assert.Empty(page.GetProperty("data").EnumerateArray());
        page = await client.FetchAsync($"/api/v1/sessions/{session}/checkpoints?run_id={run}&order=asc&limit=2", Ct);
        Assert.Equal(["before_message", "model_answer"], page.GetProperty("data").EnumerateArray().Select(static c => c.GetProperty("kind").GetString()));
        page = await client.FetchAsync($"/api/v1/sessions/{session}/checkpoints?run_id={run}&order=asc&limit=2&page={page.GetProperty("next_page").GetString()}", Ct);
        Assert.Equal("run_end", Assert.Single(page.GetProperty("data").EnumerateArray()).GetProperty("kind").GetString());
    }

    [Fact]
    public async Task What_cannot_be_forked_is_refused_with_the_reason()
    {
        await using var host = await store.StartAsync(Ct);
        var (client, session, log) = await TalkAsync(host, "!text one");
        await RefusesAsync("""{"at":-1}""", "at");
        await RefusesAsync($$"""{"at":{{log.Count + 1}}}""", "at", $"newest event is {log.Count}");
        await RefusesAsync("""{}""", "at");
        await RefusesAsync("""{"at":1,"evnts":[]}""", "evnts");
        await RefusesAsync("""{"at":1,"events":[{"type":"user.interrupt"}]}""", "events[0].type");
        await RefusesAsync("""{"at":1,"events":[{"type":"user.message","content":[]}]}""", "events[0].content");

        async Task RefusesAsync(string body, string field, string text = "")
        {
            using var answer = await client.PostAsync(
                new Uri($"/api/v1/sessions/{session}/fork", UriKind.Relative), new StringContent(body, System.Text.Encoding.UTF8, "application/json"), Ct);
            var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
            Assert.Equal((HttpStatusCode.BadRequest, field), (answer.StatusCode, problem.GetProperty("field").GetString()));
            Assert.Contains(text, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_session_with_a_fork_says_so_when_it_is_deleted()
    {
        await using var host = await store.StartAsync(Ct);
        var (client, session, _) = await TalkAsync(host, "!text one");
        var fork = await ForkAsync(client, session, new { at = 1 });
        using (var refused = await client.DeleteAsync(new Uri($"/v1/sessions/{session}", UriKind.Relative), Ct))
        {
            Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
            Assert.Contains("1 fork ", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        }

        await client.MakeAsync($"/v1/sessions/{session}/archive", new { }, Ct);
        Assert.NotEmpty((await ForkAsync(client, session, new { at = 0 })).Id());
        (await client.DeleteAsync(new Uri($"/v1/sessions/{fork.Id()}", UriKind.Relative), Ct)).EnsureSuccessStatusCode();
        var audit = await client.FetchAsync("/api/v1/audit?limit=100", Ct);
        Assert.Contains($"{fork.Id()} of {session} at 1", audit.GetRawText(), StringComparison.Ordinal);
    }

    private static async Task<(HttpClient Client, string Session, List<ReadFrame> Log)> TalkAsync(TestHost host, params string[] texts)
    {
        var client = (await host.CreateTenantAsync("t", Ct)).Client;
        var session = await client.StartSessionAsync(Ct);
        using var reader = await EventReader.OpenAsync(client, session, after: 0, Ct);
        List<ReadFrame> log = [];
        foreach (var text in texts)
        {
            await client.SayAsync(session, text, Ct);
            log.AddRange(await reader.UntilAsync(Idle, Ct));
        }

        // Once more: in the stream a message stands as it was when it came.
        using var again = await EventReader.OpenAsync(client, session, after: 0, Ct);
        log.Clear();
        foreach (var _ in texts) log.AddRange(await again.UntilAsync(Idle, Ct));
        return (client, session, log);
    }

    private static async Task<JsonElement> ForkAsync(HttpClient client, string session, object body)
    {
        using var answer = await client.PostAsJsonAsync($"/api/v1/sessions/{session}/fork", body, Ct);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(Ct));
        return await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
    }

    private static object[] Say(string text) => [new { type = "user.message", content = new[] { new { type = "text", text } } }];
}

public sealed class ForkEndpointEmbeddedTests(EmbeddedStore store) : ForkEndpointTests(store), IClassFixture<EmbeddedStore>;

public sealed class ForkEndpointOnPostgresTests(PostgresStore store) : ForkEndpointTests(store), IClassFixture<PostgresStore>;
