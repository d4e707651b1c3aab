using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Http;

public sealed class LimitEndpointTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_sees_every_limit_that_stands_against_it_with_what_is_left()
    {
        var clock = new ManualClock();
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("small", Ct, plan: "free");
        using var changed = await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { agents = 3, tokens_per_minute = 1_000 } }, Ct);
        changed.EnsureSuccessStatusCode();
        using var budget = await host.Operator.PutAsJsonAsync($"/api/v1/tenants/{tenant.Id}/budget", new { limit_micros = 5_000_000, period = "month" }, Ct);
        budget.EnsureSuccessStatusCode();
        using var made = await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "ci", limits = new { requests_per_minute = 2 } }, Ct);
        using var limited = host.Client((await made.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("secret").GetString());
        using var agent = await limited.PostAsJsonAsync("/v1/agents", new { name = "a", model = "insula/scripted" }, Ct);
        agent.EnsureSuccessStatusCode();
        Assert.Equal("2000", agent.Headers.GetValues("anthropic-ratelimit-tokens-limit").Single());
        Assert.Equal("2000", agent.Headers.GetValues("anthropic-ratelimit-tokens-remaining").Single());
        Assert.Equal("3", agent.Headers.GetValues("anthropic-ratelimit-requests-remaining").Single());
        Assert.False(made.Headers.Contains("anthropic-ratelimit-tokens-limit"));

        using var member = await tenant.Client.PostAsJsonAsync("/api/v1/members", new { name = "Ada" }, Ct);
        member.EnsureSuccessStatusCode();

        var limits = await ListAsync(limited, "/api/v1/limits");
        Assert.Equal((3, 1, 2, "override", "operator"), Quota(limits["agents"]));
        Assert.Equal((100, 2, 98, "plan", "operator"), Quota(limits["keys"]));
        Assert.Equal((10, 1, 9, "plan", "operator"), Quota(limits["members"]));
        Assert.Equal((5, 0, 5, "plan", "operator"), Quota(limits["schedules"]));
        Assert.Equal((10_000, 0, 10_000, "plan", "operator"), Quota(limits["sessions"]));
        Assert.Equal((10_000, 0, 10_000, "plan", "operator"), Quota(limits["concepts"]));
        Assert.Equal((1_000_000_000, 0, 1_000_000_000, "plan", "operator"), Quota(limits["storage_bytes"]));
        Assert.Equal((1, 0, 1, "plan", "operator"), Quota(limits["concurrent_runs"]));
        Assert.Equal((10, 3, 17, "plan", "operator"), Quota(limits["requests_per_minute"]));
        Assert.Equal(clock.GetUtcNow().AddSeconds(18), limits["requests_per_minute"].GetProperty("resets_at").GetDateTimeOffset());
        Assert.Equal((2, 1, 3, "key", "tenant_admin"), Quota(limits["requests_per_minute of key"]));
        Assert.Equal((1_000, 0, 2_000, "override", "operator"), Quota(limits["tokens_per_minute"]));
        Assert.DoesNotContain("runs_per_minute", limits.Keys);
        Assert.Equal((5_000_000, 0, 5_000_000, "budget", "operator"), Quota(limits.Single(static pair => pair.Key.StartsWith("budget", StringComparison.Ordinal)).Value));

        var seen = await ListAsync(host.Operator, $"/api/v1/tenants/{tenant.Id}/limits");
        Assert.Equal((3, 1, 2, "override", "operator"), Quota(seen["agents"]));
        Assert.DoesNotContain("requests_per_minute of key", seen.Keys);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Operator.GetAsync("/api/v1/tenants/tnt_0000000000000000000000/limits", Ct)).StatusCode);
    }

    [Fact]
    public async Task An_add_on_counts_on_top_while_it_is_in_force()
    {
        var clock = new ManualClock();
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("small", Ct, plan: "free");
        var (now, path) = (clock.GetUtcNow(), $"/api/v1/tenants/{tenant.Id}");
        object[] addOns =
        [
            new { limits = new { agents = 5, requests_per_minute = 7 }, until = now.AddHours(2) },
            new { limits = new { agents = 1 }, from = now.AddHours(1), until = now.AddHours(3) },
            new { limits = new { agents = 1_000 }, until = now.AddSeconds(-1) },
        ];
        using var changed = await host.Operator.PatchAsJsonAsync(path, new { limits = new { agents = 10 }, add_ons = addOns }, Ct);
        var view = await changed.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal((15, 17, 2), (view.GetProperty("limits").GetProperty("agents").GetInt32(), view.GetProperty("limits").GetProperty("requests_per_minute").GetInt32(), view.GetProperty("add_ons").GetArrayLength()));
        Assert.Equal((15, 0, 15, "add_on", "operator"), Quota((await ListAsync(tenant.Client, "/api/v1/limits"))["agents"]));

        foreach (var (hours, agents) in ((double, int)[])[(1, 16), (1, 11), (1, 10)])
        {
            clock.Advance(TimeSpan.FromHours(hours) + TimeSpan.FromSeconds(10));
            Assert.Equal(agents, (await ListAsync(tenant.Client, "/api/v1/limits"))["agents"].GetProperty("value").GetInt32());
        }

        foreach (var (wrong, field) in ((object, string)[])[
            (new { limits = new { }, until = now.AddDays(1) }, "add_ons[0].limits"),
            (new { limits = new { agents = 0 }, until = now.AddDays(1) }, "add_ons[0].limits.agents"),
            (new { limits = new { run_weight = 1 }, until = now.AddDays(1) }, "add_ons[0].limits.run_weight"),
            (new { limits = new { agents = 1 }, from = now, until = now }, "add_ons[0].until")])
        {
            using var refused = await host.Operator.PatchAsJsonAsync(path, new { add_ons = new[] { wrong } }, Ct);
            Assert.Equal((HttpStatusCode.BadRequest, field), (refused.StatusCode, (await refused.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("field").GetString()));
        }

        var trail = await tenant.Client.GetFromJsonAsync<JsonElement>("/api/v1/audit", Ct);
        Assert.Contains("add_ons", trail.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_used_up_quota_is_final_and_says_what_to_do()
    {
        await using var host = await TestHost.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("small", Ct);
        using var changed = await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { agents = 1, sessions = 1, keys = 2, members = 1 } }, Ct);
        changed.EnsureSuccessStatusCode();
        using var agent = await tenant.Client.PostAsJsonAsync("/v1/agents", new { name = "a", model = "insula/scripted" }, Ct);
        var id = (await agent.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString();
        using var environment = await tenant.Client.PostAsJsonAsync("/v1/environments", new { name = "e", config = new { type = "cloud" } }, Ct);
        var place = (await environment.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString();

        await RefusedAsync(tenant.Client, "/v1/agents", new { name = "b", model = "insula/scripted" }, HttpStatusCode.TooManyRequests, "has 1 agents; its limit is 1");
        using var session = await tenant.Client.PostAsJsonAsync("/v1/sessions", new { agent = id, environment_id = place }, Ct);
        Assert.Equal(HttpStatusCode.OK, session.StatusCode);
        await RefusedAsync(tenant.Client, "/v1/sessions", new { agent = id, environment_id = place }, HttpStatusCode.TooManyRequests, "has 1 sessions; its limit is 1");
        using var key = await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "k" }, Ct);
        await RefusedAsync(tenant.Client, "/api/v1/keys", new { name = "k" }, HttpStatusCode.Forbidden, "has 2 keys; its limit is 2");

        using var member = await tenant.Client.PostAsJsonAsync("/api/v1/members", new { name = "Ada" }, Ct);
        await RefusedAsync(tenant.Client, "/api/v1/members", new { name = "Bob" }, HttpStatusCode.Forbidden, "has 1 members; its limit is 1");
        var ada = (await member.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString();
        (await tenant.Client.DeleteAsync($"/api/v1/members/{ada}", Ct)).EnsureSuccessStatusCode();
        using var bob = await tenant.Client.PostAsJsonAsync("/api/v1/members", new { name = "Bob" }, Ct);
        Assert.Equal(HttpStatusCode.Created, bob.StatusCode);

        // Whoever lost every key must be helped.
        using var helped = await host.Operator.PostAsJsonAsync($"/api/v1/tenants/{tenant.Id}/keys", new { name = "k" }, Ct);
        Assert.Equal(HttpStatusCode.Created, helped.StatusCode);

        using var archived = await tenant.Client.PostAsync($"/v1/agents/{id}/archive", null, Ct);
        archived.EnsureSuccessStatusCode();
        using var next = await tenant.Client.PostAsJsonAsync("/v1/agents", new { name = "b", model = "insula/scripted" }, Ct);
        next.EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task Messages_over_the_rate_of_runs_are_throttled_and_other_calls_are_not()
    {
        var clock = new ManualClock();
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("small", Ct);
        using var changed = await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { runs_per_minute = 1 } }, Ct);
        using var agent = await tenant.Client.PostAsJsonAsync("/v1/agents", new { name = "a", model = "insula/scripted" }, Ct);
        var id = (await agent.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString();
        using var environment = await tenant.Client.PostAsJsonAsync("/v1/environments", new { name = "e", config = new { type = "cloud" } }, Ct);
        var place = (await environment.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString();
        using var made = await tenant.Client.PostAsJsonAsync("/v1/sessions", new { agent = id, environment_id = place }, Ct);
        var session = (await made.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString();
        var message = new { events = new[] { new { type = "user.message", content = new[] { new { type = "text", text = "hi" } } } } };
        for (var i = 0; i < 2; i++) Assert.Equal(HttpStatusCode.OK, (await tenant.Client.PostAsJsonAsync($"/v1/sessions/{session}/events", message, Ct)).StatusCode);

        using var refused = await tenant.Client.PostAsJsonAsync($"/v1/sessions/{session}/events", message, Ct);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal("true", refused.Headers.GetValues("x-should-retry").Single());
        Assert.Equal(TimeSpan.FromMinutes(1), refused.Headers.RetryAfter?.Delta);
        Assert.Contains("1 runs a minute", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        using var another = await tenant.Client.PostAsJsonAsync("/v1/sessions", new { agent = id, environment_id = place }, Ct);
        Assert.Equal(HttpStatusCode.OK, another.StatusCode);

        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.OK, (await tenant.Client.PostAsJsonAsync($"/v1/sessions/{session}/events", message, Ct)).StatusCode);
    }

    private static async Task RefusedAsync(HttpClient client, string path, object body, HttpStatusCode status, string text)
    {
        using var refused = await client.PostAsJsonAsync(path, body, Ct);
        Assert.Equal(status, refused.StatusCode);
        Assert.Equal("false", refused.Headers.GetValues("x-should-retry").Single());
        Assert.Null(refused.Headers.RetryAfter);
        var answer = await refused.Content.ReadAsStringAsync(Ct);
        Assert.Contains("quota_exceeded", answer, StringComparison.Ordinal);
        Assert.Contains(text, answer, StringComparison.Ordinal);
        Assert.Contains("ask the operator of this installation to raise the limit", answer, StringComparison.Ordinal);
    }

    private static async Task<Dictionary<string, JsonElement>> ListAsync(HttpClient client, string path) =>
        (await client.GetFromJsonAsync<JsonElement>(path, Ct)).GetProperty("data").EnumerateArray()
            .ToDictionary(static limit => $"{limit.GetProperty("name").GetString()}{(limit.GetProperty("applies_to").GetString() is "tenant" ? "" : $" of {limit.GetProperty("applies_to").GetString()}")}");

    private static (long Value, long Used, long Left, string? Source, string? RaisedBy) Quota(JsonElement limit) => (
        limit.GetProperty("value").GetInt64(), limit.GetProperty("used").GetInt64(), limit.GetProperty("left").GetInt64(), limit.GetProperty("source").GetString(), limit.GetProperty("raised_by").GetString());
}
