using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Tests.Tenants;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Budgets;

public abstract class BudgetEndpointTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_operator_sets_the_platform_and_tenants_and_a_tenant_what_is_below()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var agent = await AgentAsync(tenant);
        await SetAsync(host.Operator, "budgets/platform", new { limit_micros = 9_000_000 });
        var whole = await SetAsync(host.Operator, $"tenants/{tenant.Id}/budget", new { limit_micros = 5_000_000, period = "week", thresholds = new[] { 90 } });
        await SetAsync(tenant.Client, $"budgets/agent:{agent}", new { limit_micros = 1_000_000, period = "day" });
        await SetAsync(tenant.Client, "budgets/run", new { limit_micros = 50_000 });

        Assert.Equal("week 5000000 5000000", $"{whole.GetProperty("period").GetString()} {whole.GetProperty("limit_micros")} {whole.GetProperty("left_micros")}");
        Assert.EndsWith("T00:00:00+00:00", whole.GetProperty("resets_at").GetString(), StringComparison.Ordinal);
        var own = await tenant.Client.GetFromJsonAsync<JsonElement>("/api/v1/budgets", Ct);
        Assert.Equal([$"agent:{agent}", $"run:{tenant.Id}", $"tenant:{tenant.Id}"], IdsOf(own));
        Assert.Equal(["platform"], IdsOf(await host.Operator.GetFromJsonAsync<JsonElement>("/api/v1/budgets", Ct)));
        Assert.Equal([$"agent:{agent}"], IdsOf(await host.Operator.GetFromJsonAsync<JsonElement>($"/api/v1/budgets?tenant={tenant.Id}&scope=agent", Ct)));

        await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await tenant.Client.DeleteAsync($"/api/v1/budgets/agent:{agent}", Ct));
        Assert.Equal(HttpStatusCode.NotFound, (await tenant.Client.GetAsync($"/api/v1/budgets/agent:{agent}", Ct)).StatusCode);
        var trail = await tenant.Client.GetFromJsonAsync<JsonElement>("/api/v1/audit", Ct);
        Assert.Equal(
            ["budget.remove", "budget.set", "budget.set", "budget.set"],
            trail.GetProperty("data").EnumerateArray().Select(static record => record.GetProperty("action").GetString()).Where(static action => action!.StartsWith("budget.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_tenant_sets_neither_its_own_nor_anybody_elses_whole()
    {
        await using var host = await store.StartAsync(Ct);
        var (tenant, other) = (await host.CreateTenantAsync("t", Ct), await host.CreateTenantAsync("o", Ct));
        var foreign = await AgentAsync(other);
        await RefusedAsync(HttpStatusCode.Forbidden, "budget_of_operator", tenant.Client, $"tenant:{tenant.Id}");
        foreach (var id in new[] { "platform", $"tenant:{other.Id}", $"agent:{foreign}", "agent:agent_3nobodyHasThisId345678", "agent:x", "galaxy:x", $"run:{other.Id}" })
        {
            await RefusedAsync(HttpStatusCode.NotFound, "budget_not_found", tenant.Client, id);
        }

        await RefusedAsync(HttpStatusCode.NotFound, "budget_not_found", host.Operator, $"agent:{foreign}");
        await RefusedAsync(HttpStatusCode.NotFound, "tenant_not_found", host.Operator, "tenant:tnt_3nobodyHasThisId345678");
    }

    [Theory]
    [InlineData("""{"limit_micros":-1}""", "limit_micros")]
    [InlineData("""{"limit_micros":1,"period":"year"}""", "period")]
    [InlineData("""{"limit_micros":1,"thresholds":[80,50]}""", "thresholds")]
    [InlineData("""{"limit_micros":1,"thresholds":[101]}""", "thresholds")]
    public async Task What_a_budget_cannot_be_is_refused_by_its_field(string body, string field)
    {
        await using var host = await store.StartAsync(Ct);
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        var refused = await TenantEndpointTests.AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.PutAsync("/api/v1/budgets/platform", content, Ct));
        Assert.Equal(field, refused.GetProperty("field").GetString());
    }

    private static async Task RefusedAsync(HttpStatusCode status, string code, HttpClient caller, string id)
    {
        var refused = await TenantEndpointTests.AnswerAsync(status, await caller.PutAsJsonAsync($"/api/v1/budgets/{id}", new { limit_micros = 1 }, Ct));
        Assert.Equal(code, refused.GetProperty("code").GetString());
    }

    private static async Task<JsonElement> SetAsync(HttpClient caller, string path, object body) =>
        await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await caller.PutAsJsonAsync($"/api/v1/{path}", body, Ct));

    private static async Task<string> AgentAsync(TestTenant tenant)
    {
        var made = await tenant.Client.PostAsJsonAsync("/v1/agents", new { name = "a", model = "insula/scripted" }, Ct);
        return (await made.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("id").GetString()!;
    }

    private static IEnumerable<string?> IdsOf(JsonElement page) => page.GetProperty("data").EnumerateArray().Select(static budget => budget.GetProperty("id").GetString());
}

public sealed class BudgetEndpointsEmbeddedTests(EmbeddedStore store) : BudgetEndpointTests(store), IClassFixture<EmbeddedStore>;

public sealed class BudgetEndpointsOnPostgresTests(PostgresStore store) : BudgetEndpointTests(store), IClassFixture<PostgresStore>;
