using System.Text.Json;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>Lists over HTTP: every way through a list gives each entry once and in order, whatever the page size.</summary>
public abstract class PagingLaws(TestStore store)
{
    private const int Count = 7;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_page_size_and_order_walks_every_list_once_and_in_order()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var (agents, environments, sessions) = (new List<string>(), new List<string>(), new List<string>());
        for (var i = 0; i < Count; i++)
        {
            agents.Add((await tenant.Client.MakeAsync("/v1/agents", new { name = $"a{i}", model = "insula/scripted" }, Ct)).Id());
            environments.Add((await tenant.Client.MakeAsync("/v1/environments", new { name = $"e{i}" }, Ct)).Id());
            sessions.Add((await tenant.Client.MakeAsync("/v1/sessions", new { agent = agents[0], environment_id = environments[0] }, Ct)).Id());
        }

        for (var limit = 1; limit <= Count + 1; limit++)
        {
            Assert.Equal(Enumerable.Reverse(agents), await WalkAsync(tenant.Client, "/v1/agents?", limit));
            Assert.Equal(Enumerable.Reverse(environments), await WalkAsync(tenant.Client, "/v1/environments?", limit));
            Assert.Equal(Enumerable.Reverse(sessions), await WalkAsync(tenant.Client, "/v1/sessions?", limit));
            Assert.Equal(sessions, await WalkAsync(tenant.Client, "/v1/sessions?order=asc&", limit));
        }
    }

    [Fact]
    public async Task A_walk_forward_and_back_meets_the_same_pages()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        for (var i = 0; i < Count; i++) await tenant.Client.StartSessionAsync(Ct);

        for (var limit = 1; limit <= Count; limit++)
        {
            var forward = new List<JsonElement>();
            for (string? page = ""; page is not null; page = forward[^1].GetProperty("next_page").GetString())
            {
                forward.Add(await tenant.Client.FetchAsync($"/v1/sessions?limit={limit}&page={Uri.EscapeDataString(page)}", Ct));
            }

            Assert.Null(forward[0].GetProperty("prev_page").GetString());
            for (var i = forward.Count - 1; i > 0; i--)
            {
                var back = await tenant.Client.FetchAsync($"/v1/sessions?limit={limit}&page={Uri.EscapeDataString(forward[i].GetProperty("prev_page").GetString()!)}", Ct);
                Assert.Equal(Ids(forward[i - 1]), Ids(back));
            }
        }
    }

    [Fact]
    public async Task A_list_of_values_means_the_same_in_both_spellings()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var session = await tenant.Client.StartSessionAsync(Ct);
        using (var reader = await EventReader.OpenAsync(tenant.Client, session, after: null, Ct))
        {
            await tenant.Client.SayAsync(session, "!text hi", Ct);
            await reader.UntilAsync("session.status_idle", Ct);
        }

        var root = $"/v1/sessions/{session}/events?";
        var brackets = await tenant.Client.FetchAsync(root + "types%5B%5D=user.message&types%5B%5D=agent.message", Ct);
        var repeated = await tenant.Client.FetchAsync(root + "types=user.message&types=agent.message", Ct);
        Assert.Equal(2, Ids(brackets).Count);
        Assert.Equal(Ids(brackets), Ids(repeated));
    }

    [Fact]
    public async Task A_cursor_of_one_list_does_not_open_another()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        for (var i = 0; i < 2; i++) await tenant.Client.StartSessionAsync(Ct);
        var cursor = (await tenant.Client.FetchAsync("/v1/agents?limit=1", Ct)).GetProperty("next_page").GetString()!;
        using var answer = await tenant.Client.GetAsync(new Uri($"/v1/environments?limit=1&page={Uri.EscapeDataString(cursor)}", UriKind.Relative), Ct);
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, answer.StatusCode);
    }

    private static async Task<List<string>> WalkAsync(HttpClient client, string list, int limit)
    {
        var ids = new List<string>();
        string? page = null;
        do
        {
            var answer = await client.FetchAsync($"{list}limit={limit}{(page is null ? "" : $"&page={Uri.EscapeDataString(page)}")}", Ct);
            var got = Ids(answer);
            Assert.InRange(got.Count, 0, limit);
            ids.AddRange(got);
            page = answer.GetProperty("next_page").GetString();
        }
        while (page is not null);
        return ids;
    }

    private static List<string> Ids(JsonElement page) => [.. page.GetProperty("data").EnumerateArray().Select(item => item.Id())];
}

public sealed class PagingEmbeddedLaws(EmbeddedStore store) : PagingLaws(store), IClassFixture<EmbeddedStore>;

public sealed class PagingOnPostgresLaws(PostgresStore store) : PagingLaws(store), IClassFixture<PostgresStore>;
