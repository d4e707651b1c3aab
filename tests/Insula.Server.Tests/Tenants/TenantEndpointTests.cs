using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Insula.Server.Tests.Tenants;

public abstract class TenantEndpointTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_operator_creates_lists_changes_and_shows_tenants()
    {
        await using var host = await store.StartAsync(Ct);
        var created = await AnswerAsync(HttpStatusCode.Created, await host.Operator.PostAsJsonAsync(
            "/api/v1/tenants", new { name = "Acme", plan = "pro", limits = new { requests_per_minute = 7 } }, Ct));
        var id = created.GetProperty("tenant").GetProperty("id").GetString();
        Assert.Equal(7, created.GetProperty("tenant").GetProperty("limits").GetProperty("requests_per_minute").GetInt32());
        Assert.Equal(120, created.GetProperty("tenant").GetProperty("limits").GetProperty("reason_per_minute").GetInt32());

        var changed = await AnswerAsync(HttpStatusCode.OK, await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{id}", new { name = "Acme & Co", plan = "free" }, Ct));
        Assert.Equal("Acme & Co", changed.GetProperty("name").GetString());
        Assert.Equal(7, changed.GetProperty("limits").GetProperty("requests_per_minute").GetInt32());
        Assert.Equal(20, changed.GetProperty("limits").GetProperty("reason_per_minute").GetInt32());

        var shown = await host.Operator.GetFromJsonAsync<JsonElement>($"/api/v1/tenants/{id}", Ct);
        Assert.Equal(changed.ToString(), shown.ToString());
        var listed = await host.Operator.GetFromJsonAsync<JsonElement>("/api/v1/tenants?plan=free&status=active&name=acme", Ct);
        Assert.Equal(id, Assert.Single(listed.GetProperty("data").EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Pages_of_tenants_join_without_gap_or_repeat()
    {
        await using var host = await store.StartAsync(Ct);
        var made = new List<string>();
        for (var i = 0; i < 7; i++) made.Add((await host.CreateTenantAsync($"t{i}", Ct)).Id);
        var seen = new List<string>();
        for (string? page = ""; page is not null;)
        {
            var listed = await host.Operator.GetFromJsonAsync<JsonElement>($"/api/v1/tenants?limit=3{page}", Ct);
            seen.AddRange(listed.GetProperty("data").EnumerateArray().Select(static tenant => tenant.GetProperty("id").GetString()!));
            page = listed.GetProperty("next_page").GetString() is { } next ? $"&page={next}" : null;
        }

        made.Reverse();
        Assert.Equal(made, seen);
    }

    [Theory]
    [InlineData("""{"name":"a","plan":"gold"}""", "plan")]
    [InlineData("""{"name":"a","placement":"(missing)"}""", "placement")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"a","limits":{"concurrent_runs":0}}""", "limits.concurrent_runs")]
    public async Task A_tenant_that_cannot_be_is_refused_by_field(string body, string field)
    {
        await using var host = await store.StartAsync(Ct);
        using var content = new StringContent(body.Replace("(missing)", store.MissingPlacement, StringComparison.Ordinal), System.Text.Encoding.UTF8, "application/json");

        var problem = await AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.PostAsync("/api/v1/tenants", content, Ct));

        Assert.Equal(field, problem.GetProperty("field").GetString());
    }

    [Fact]
    public async Task Suspending_holds_from_the_answer_on_and_resuming_gives_all_back()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("late payer", Ct);
        Assert.Equal(HttpStatusCode.OK, (await tenant.Client.GetAsync("/v1/agents", Ct)).StatusCode);

        await AnswerAsync(HttpStatusCode.OK, await host.Operator.PostAsJsonAsync($"/api/v1/tenants/{tenant.Id}/suspend", new { reason = "the bill of May" }, Ct));
        var refused = await AnswerAsync(HttpStatusCode.Forbidden, await tenant.Client.GetAsync("/v1/agents", Ct));
        Assert.Equal("permission_error", refused.GetProperty("error").GetProperty("type").GetString());
        Assert.Contains("the bill of May", refused.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);

        await AnswerAsync(HttpStatusCode.OK, await host.Operator.PostAsync($"/api/v1/tenants/{tenant.Id}/resume", null, Ct));
        Assert.Equal(HttpStatusCode.OK, (await tenant.Client.GetAsync("/v1/agents", Ct)).StatusCode);
    }

    [Fact]
    public async Task A_plan_that_the_operator_puts_is_in_force_at_once()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("on pro", Ct, plan: "pro");
        var limits = new { requests_per_minute = 3, reads_per_minute = 30, learn_per_minute = 1, reason_per_minute = 2, concurrent_runs = 1, concepts = 5, storage_bytes = 6 };

        await AnswerAsync(HttpStatusCode.OK, await host.Operator.PutAsJsonAsync("/api/v1/plans/pro", new { description = "smaller", limits, features = Array.Empty<string>() }, Ct));

        var me = await tenant.Client.GetFromJsonAsync<JsonElement>("/api/v1/me", Ct);
        Assert.Equal(3, me.GetProperty("tenant").GetProperty("limits").GetProperty("requests_per_minute").GetInt32());
        var plans = await tenant.Client.GetFromJsonAsync<JsonElement>("/api/v1/plans", Ct);
        Assert.Equal(["enterprise", "free", "pro"], plans.GetProperty("data").EnumerateArray().Select(static plan => plan.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task Who_did_what_stands_in_the_trail_that_it_belongs_to()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("audited", Ct);
        await AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "k" }, Ct));

        var own = await tenant.Client.GetFromJsonAsync<JsonElement>("/api/v1/audit", Ct);

        Assert.Equal(["key.create", "tenant.create"], own.GetProperty("data").EnumerateArray().Select(static entry => entry.GetProperty("action").GetString()));
        Assert.Equal($"key:{tenant.KeyId}", own.GetProperty("data")[0].GetProperty("principal").GetString());
        Assert.DoesNotContain(tenant.Key, own.ToString(), StringComparison.Ordinal);
    }

    internal static async Task<JsonElement> AnswerAsync(HttpStatusCode wanted, HttpResponseMessage answer)
    {
        using (answer)
        {
            Assert.True(answer.StatusCode == wanted, $"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync(Ct)}");
            return await answer.Content.ReadFromJsonAsync<JsonElement>(Ct);
        }
    }
}

public sealed class TenantEndpointsEmbeddedTests(EmbeddedStore store) : TenantEndpointTests(store), IClassFixture<EmbeddedStore>;

public sealed class TenantEndpointsOnPostgresTests(PostgresStore store) : TenantEndpointTests(store), IClassFixture<PostgresStore>;
