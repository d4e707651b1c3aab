using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Insula.Agents.Models;
using Insula.Agents.Usage;
using Insula.Server.Tests.ManagedAgents;
using Insula.Server.Tests.Tenants;
using Insula.TestKit.Hosting;
using Insula.TestKit.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Usage;

/// <summary>Prices, usage and statistics over HTTP, on both stores.</summary>
public abstract class UsageEndpointTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_run_uses_has_the_cost_of_its_time_and_is_summed_up_by_any_group()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        await RunAsync(tenant, "!usage 1000 10\n!text free");
        var put = await TenantEndpointTests.AnswerAsync(
            HttpStatusCode.OK, await host.Operator.PutAsJsonAsync("/api/v1/prices", new { name = "insula/scripted", input_micros = 3_000_001, output_micros = 15_000_000 }, Ct));
        await RunAsync(tenant, "!usage 1000 10\n!text dear");

        var byModel = await UntilAsync(tenant, "/api/v1/usage?group_by=model", 2);
        var total = byModel.GetProperty("total");
        Assert.Equal((2_000, 20, 3_151, 0), (Number(total, "input_tokens"), Number(total, "output_tokens"), Number(total, "cost_micros"), Number(total, "unpriced")));
        Assert.Equal("insula/scripted", byModel.GetProperty("data")[0].GetProperty("key").GetString());
        Assert.Contains(
            (await tenant.Client.FetchAsync("/api/v1/prices", Ct)).GetProperty("data").EnumerateArray(), price => price.GetProperty("version").GetString() == put.GetProperty("version").GetString());

        var byKey = await tenant.Client.FetchAsync("/api/v1/usage?group_by=key", Ct);
        Assert.Equal($"key:{tenant.KeyId}", Assert.Single(byKey.GetProperty("data").EnumerateArray()).GetProperty("key").GetString());
        Assert.Equal(2, Number((await tenant.Client.FetchAsync($"/api/v1/usage?key={tenant.KeyId}", Ct)).GetProperty("total"), "items"));
        Assert.Equal(total.GetRawText(), (await host.Operator.FetchAsync($"/api/v1/usage?tenant={tenant.Id}", Ct)).GetProperty("total").GetRawText());

        var month = $"{TimeProvider.System.GetUtcNow():yyyy-MM}";
        var statement = await tenant.Client.FetchAsync($"/api/v1/statements/{month}", Ct);
        Assert.Equal((3_151, "0.003151", false), (Number(statement, "total_micros"), statement.GetProperty("total").GetString(), statement.GetProperty("final").GetBoolean()));
        Assert.EndsWith(
            $"{month},{tenant.Id},model,insula/scripted,2,0,2000,20,0,0,0,3151,0.003151\r\n{month},{tenant.Id},total,,2,0,2000,20,0,0,0,3151,0.003151\r\n",
            await tenant.Client.GetStringAsync($"/api/v1/statements/{month}?format=csv", Ct),
            StringComparison.Ordinal);
        var focus = (await host.Operator.GetStringAsync($"/api/v1/statements/{month}?format=focus&tenant={tenant.Id}", Ct)).Split("\r\n");
        Assert.StartsWith("BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,", focus[0], StringComparison.Ordinal);
        Assert.StartsWith($"0.003151,{tenant.Id},t,USD,", focus[1], StringComparison.Ordinal);

        var other = await host.CreateTenantAsync("other", Ct);
        Assert.Equal(0, Number((await other.Client.FetchAsync("/api/v1/usage", Ct)).GetProperty("total"), "items"));
    }

    [Fact]
    public async Task Usage_is_summed_up_by_the_members_whose_keys_began_it()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var member = (await tenant.Client.MakeAsync("/api/v1/members", new { name = "Ada" }, Ct)).Id();
        using var ada = host.Client((await tenant.Client.MakeAsync("/api/v1/keys", new { name = "k", member }, Ct)).GetProperty("secret").GetString());
        await RunAsync(tenant, "!usage 1000 10\n!text mine");
        await RunAsync(tenant with { Client = ada }, "!usage 300 4\n!text hers");

        await UntilAsync(tenant, "/api/v1/usage", 2);
        var byMember = await tenant.Client.FetchAsync("/api/v1/usage?group_by=member", Ct);
        Assert.Equal(
            [(null, 1_000, 10), (member, 300, 4)],
            byMember.GetProperty("data").EnumerateArray().Select(static group => (group.GetProperty("key").GetString(), Number(group, "input_tokens"), Number(group, "output_tokens"))));
        Assert.Equal((1_300, 14), (Number(byMember.GetProperty("total"), "input_tokens"), Number(byMember.GetProperty("total"), "output_tokens")));
        var hers = await tenant.Client.FetchAsync($"/api/v1/usage?group_by=model&member={member}", Ct);
        Assert.Equal((300, 1), (Number(hers.GetProperty("total"), "input_tokens"), Number(hers.GetProperty("total"), "items")));

        // To a stranger the member is as unknown as one that never was.
        var other = await host.CreateTenantAsync("other", Ct);
        const string span = "from=2026-01-01&to=2999-01-01";
        Assert.Equal(
            await other.Client.GetStringAsync($"/api/v1/usage?{span}&member=mbr_0000000000000000000001", Ct),
            await other.Client.GetStringAsync($"/api/v1/usage?{span}&member={member}", Ct));
    }

    [Fact]
    public async Task A_question_that_makes_no_sense_is_refused_by_its_field()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        foreach (var (query, expected) in ((string, string)[])
        [
            ("group_by=colour", "group_by must be one of day, agent, model, key, member, session, run, kind, once."),
            ("from=soon", "from must be a date"),
            ("from=2027-01-01&to=2026-01-01", "from must be before to."),
            ("tenant=tnt_x", "tenant is for operators"),
        ])
        {
            var problem = await TenantEndpointTests.AnswerAsync(HttpStatusCode.BadRequest, await tenant.Client.GetAsync($"/api/v1/usage?{query}", Ct));
            Assert.Contains(expected, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        // A price that would change the past.
        var past = await TenantEndpointTests.AnswerAsync(
            HttpStatusCode.BadRequest, await host.Operator.PutAsJsonAsync("/api/v1/prices", new { name = "a/m", from = "2020-01-01T00:00:00Z" }, Ct));
        Assert.Contains("which is over", past.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_are_counted_as_allowed_or_denied_with_their_latency_and_what_is_kept()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var reader = await TenantEndpointTests.AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "r", scopes = new[] { "read" } }, Ct));
        (await tenant.Client.PostAsJsonAsync("/api/v1/knowledge/learn", new { source = "s", text = "Ostia is a harbour." }, Ct)).EnsureSuccessStatusCode();
        using (var weak = host.Client(reader.GetProperty("secret").GetString()))
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await weak.GetAsync("/api/v1/audit", Ct)).StatusCode);
        }

        await host.Services.GetRequiredService<FlushStats>().FlushAsync(Ct);
        var stats = await host.Operator.FetchAsync($"/api/v1/tenants/{tenant.Id}/stats", Ct);
        var traffic = stats.GetProperty("traffic");
        Assert.Equal((3, 2, 1), (Number(traffic, "requests"), Number(traffic, "allowed"), Number(traffic, "denied")));
        Assert.True(traffic.GetProperty("average_latency_ms").GetDouble() >= 0);
        Assert.Equal(19, Number(stats.GetProperty("storage"), "storage_bytes"));

        var all = await host.Operator.FetchAsync("/api/v1/stats", Ct);
        Assert.Equal(tenant.Id, all.GetProperty("busiest")[0].GetProperty("tenant_id").GetString());
        Assert.Equal(19, Number(all, "storage_bytes"));
    }

    [Fact]
    public async Task Whatever_quota_is_nearly_used_is_listed_with_its_use_and_its_limit()
    {
        var model = new PuppetModel();
        await using var host = await store.StartAsync(new TestHostOptions { Services = services => services.AddSingleton<IModelProvider>(model) }, Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var agent = (await tenant.Client.MakeAsync("/v1/agents", new { name = "a", model = "puppet/strings" }, Ct)).Id();
        var environment = (await tenant.Client.MakeAsync("/v1/environments", new { name = "e" }, Ct)).Id();
        var session = (await tenant.Client.MakeAsync("/v1/sessions", new { agent, environment_id = environment }, Ct)).Id();
        (await tenant.Client.PostAsJsonAsync("/api/v1/knowledge/learn", new { source = "s", text = "Ostia is a harbour." }, Ct)).EnsureSuccessStatusCode();
        (await tenant.Client.PostAsJsonAsync("/api/v1/schedules", new { name = "s", cron = "@daily", agent, environment, prompt = "p", enabled = false }, Ct)).EnsureSuccessStatusCode();
        await tenant.Client.MakeAsync("/api/v1/members", new { name = "Ada" }, Ct);
        await tenant.Client.SayAsync(session, "work", Ct);
        var call = await model.NextCallAsync(Ct);
        var roomy = await host.CreateTenantAsync("roomy", Ct);
        await roomy.Client.FetchAsync("/api/v1/me", Ct);

        var full = new { concurrent_runs = 1, sessions = 1, agents = 1, keys = 1, members = 1, schedules = 1, concepts = 1, storage_bytes = 23 };
        (await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = full }, Ct)).EnsureSuccessStatusCode();
        var flush = host.Services.GetRequiredService<FlushStats>();
        await flush.FlushAsync(Ct);
        var listed = Assert.Single((await host.Operator.FetchAsync("/api/v1/stats", Ct)).GetProperty("near_quota").EnumerateArray());
        Assert.Equal((tenant.Id, 100), (listed.GetProperty("tenant_id").GetString(), Number(listed, "percent")));
        string[] expected = ["agents 1/1", "concepts 1/1", "concurrent_runs 1/1", "keys 1/1", "members 1/1", "schedules 1/1", "sessions 1/1", "storage_bytes 19/23"];
        Assert.Equal(expected, Near(listed).Order(StringComparer.Ordinal));
        Assert.EndsWith("storage_bytes 19/23", Near(listed)[^1], StringComparison.Ordinal);
        Assert.Equal(82, Number(listed.GetProperty("near_quota")[7], "percent"));

        // A run's steps are a reason to look again, and another tenant's requests are none.
        call.Ends();
        while (Number((await host.Operator.FetchAsync($"/api/v1/usage?tenant={tenant.Id}", Ct)).GetProperty("total"), "items") == 0) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Ct);
        while (await AtWorkAsync(host, tenant) > 0) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Ct);
        await flush.FlushAsync(Ct);
        listed = (await host.Operator.FetchAsync("/api/v1/stats", Ct)).GetProperty("near_quota")[0];
        Assert.Equal(expected.Where(static quota => !quota.StartsWith("concurrent", StringComparison.Ordinal)), Near(listed).Order(StringComparer.Ordinal));
        await roomy.Client.FetchAsync("/api/v1/me", Ct);
        await flush.FlushAsync(Ct);
        Assert.Equal(listed.GetRawText(), (await host.Operator.FetchAsync("/api/v1/stats", Ct)).GetProperty("near_quota")[0].GetRawText());
    }

    [Fact]
    public async Task A_tenant_at_rest_stands_beside_the_limits_in_force_wherever_they_come_from()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        (await tenant.Client.PostAsJsonAsync("/api/v1/knowledge/learn", new { source = "s", text = "Ostia is a harbour." }, Ct)).EnsureSuccessStatusCode();
        await host.Services.GetRequiredService<FlushStats>().FlushAsync(Ct);
        var measured = (await host.Operator.FetchAsync($"/api/v1/tenants/{tenant.Id}/stats", Ct)).GetProperty("storage");
        Assert.Empty(Near(measured));

        // Nothing of the tenant's own happens from here on.
        var free = (await host.Operator.FetchAsync("/api/v1/plans", Ct)).GetProperty("data").EnumerateArray().Single(static plan => plan.GetProperty("name").GetString() == "free");
        var small = JsonNode.Parse(free.GetProperty("limits").GetRawText())!.AsObject();
        small["storage_bytes"] = 20;
        await LimitAsync(host, tenant, new { limits = new { storage_bytes = 19 } }, "storage_bytes 19/19");
        await LimitAsync(host, tenant, new { add_ons = new[] { new { limits = new { storage_bytes = 1 }, until = "2999-01-01T00:00:00Z" } } }, "storage_bytes 19/20");
        await LimitAsync(host, tenant, new { add_ons = new[] { new { limits = new { storage_bytes = 100 }, until = "2999-01-01T00:00:00Z" } } });
        await LimitAsync(host, tenant, new { add_ons = Array.Empty<object>(), limits = new { storage_bytes = 100, sessions = 1 } });
        await LimitAsync(host, tenant, new { limits = new { }, plan = "free" });
        (await host.Operator.PutAsJsonAsync("/api/v1/plans/free", new { limits = small }, Ct)).EnsureSuccessStatusCode();
        await LimitAsync(host, tenant, new { name = "t" }, "storage_bytes 19/20");

        var now = (await host.Operator.FetchAsync($"/api/v1/tenants/{tenant.Id}/stats", Ct)).GetProperty("storage");
        Assert.Equal((95, "storage_bytes"), (Number(now, "percent"), now.GetProperty("quota").GetString()));
        Assert.Equal(measured.GetProperty("measured_at").GetRawText(), now.GetProperty("measured_at").GetRawText());
    }

    /// <summary>Changes a tenant and asserts which of its quotas are near: to itself at once, in the list at once if it leaves it, else when it is judged.</summary>
    private static async Task LimitAsync<T>(TestHost host, TestTenant tenant, T change, params string[] near)
    {
        (await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", change, Ct)).EnsureSuccessStatusCode();
        Assert.Equal(near, Near((await host.Operator.FetchAsync($"/api/v1/tenants/{tenant.Id}/stats", Ct)).GetProperty("storage")));
        if (near.Length > 0) await host.Services.GetRequiredService<JudgeTenants>().JudgeAsync(Ct);
        Assert.Equal(near, (await host.Operator.FetchAsync("/api/v1/stats", Ct)).GetProperty("near_quota").EnumerateArray().SelectMany(static level => Near(level)));
    }

    private static List<string> Near(JsonElement level) =>
        [.. level.GetProperty("near_quota").EnumerateArray().Select(static quota => $"{quota.GetProperty("quota").GetString()} {Number(quota, "used")}/{Number(quota, "limit")}")];

    private static async Task<long> AtWorkAsync(TestHost host, TestTenant tenant) =>
        Number((await host.Operator.FetchAsync($"/api/v1/tenants/{tenant.Id}/limits", Ct)).GetProperty("data").EnumerateArray().Single(static limit => limit.GetProperty("name").GetString() == "concurrent_runs"), "used");

    private static async Task RunAsync(TestTenant tenant, string script)
    {
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var events = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
        await tenant.Client.SayAsync(session, script, Ct);
        await events.UntilAsync("session.status_idle", Ct);
    }

    /// <summary>The answer once the ledger has so many items: they come a moment after their step.</summary>
    private static async Task<JsonElement> UntilAsync(TestTenant tenant, string path, int items)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            var answer = await tenant.Client.FetchAsync(path, limit.Token);
            if (Number(answer.GetProperty("total"), "items") >= items) return answer;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
        }
    }

    private static long Number(JsonElement of, string name) => of.GetProperty(name).GetInt64();
}

public sealed class UsageEndpointsEmbeddedTests(EmbeddedStore store) : UsageEndpointTests(store), IClassFixture<EmbeddedStore>;

public sealed class UsageEndpointsOnPostgresTests(PostgresStore store) : UsageEndpointTests(store), IClassFixture<PostgresStore>;
