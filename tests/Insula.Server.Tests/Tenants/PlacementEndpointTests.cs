using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Tenancy.Placements;
using Insula.TestKit.Hosting;
using Microsoft.Extensions.DependencyInjection;
using static Insula.Server.Tests.Tenants.TenantEndpointTests;

namespace Insula.Server.Tests.Tenants;

/// <summary>Placements and servers on the wire. A test of a cluster registers what one has to offer; only decisions and rows are looked at.</summary>
public sealed class PlacementEndpointTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tenant_shows_where_its_data_live_to_the_operator_and_to_itself()
    {
        await using var host = await TestHost.StartAsync(Ct);
        var made = await AnswerAsync(HttpStatusCode.Created, await host.Operator.PostAsJsonAsync("/api/v1/tenants", new { name = "a" }, Ct));
        Assert.Equal("file main", PlaceOf(made.GetProperty("tenant")));

        using var own = host.Client(made.GetProperty("key").GetProperty("secret").GetString());
        Assert.Equal("file main", PlaceOf((await own.GetFromJsonAsync<JsonElement>("/api/v1/me", Ct)).GetProperty("tenant")));
        using var stranger = host.Client(null);
        var signedUp = await AnswerAsync(HttpStatusCode.Created, await stranger.PostAsJsonAsync("/api/v1/signup", new { name = "b", email = "b@example.org" }, Ct));
        Assert.Equal("file main", PlaceOf(signedUp.GetProperty("tenant")));
    }

    [Fact]
    public async Task The_operator_of_a_cluster_chooses_both_and_lists_by_both()
    {
        await using var host = await ClusterAsync();
        var ids = new Dictionary<string, string>();
        foreach (var (name, placement, server) in new[] { ("a", "schema", "eu1"), ("b", "schema", "main"), ("c", "database", "eu1") })
        {
            var made = await AnswerAsync(HttpStatusCode.Created, await host.Operator.PostAsJsonAsync("/api/v1/tenants", new { name, placement, server }, Ct));
            Assert.Equal($"{placement} {server}", PlaceOf(made.GetProperty("tenant")));
            ids[name] = made.GetProperty("tenant").GetProperty("id").GetString()!;
        }

        Assert.Equal(["a", "b"], await ListAsync("placement=schema"));
        Assert.Equal(["a", "c"], await ListAsync("server=eu1"));
        Assert.Equal(["c"], await ListAsync("placement=database&server=eu1"));
        Assert.Empty(await ListAsync("server=eu2"));
        var shown = await host.Operator.GetFromJsonAsync<JsonElement>($"/api/v1/tenants/{ids["c"]}", Ct);
        Assert.Equal("database eu1", PlaceOf(shown));

        async Task<IEnumerable<string?>> ListAsync(string query) =>
            (await host.Operator.GetFromJsonAsync<JsonElement>($"/api/v1/tenants?{query}", Ct)).GetProperty("data").EnumerateArray()
                .Select(static tenant => tenant.GetProperty("name").GetString()).Order(StringComparer.Ordinal);
    }

    [Theory]
    [InlineData("""{"name":"a","placement":"file"}""", "placement", "a file lives on one node")]
    [InlineData("""{"name":"a","placement":"shard"}""", "placement", "Did you mean 'shared'?")]
    [InlineData("""{"name":"a","server":"eu9"}""", "server", "Known are: eu1, main.")]
    public async Task A_cluster_refuses_what_it_does_not_have_and_says_what_it_has(string body, string field, string says)
    {
        await using var host = await ClusterAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");

        var problem = await AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.PostAsync("/api/v1/tenants", content, Ct));

        Assert.Equal(("invalid_field", field), (problem.GetProperty("code").GetString(), problem.GetProperty("field").GetString()));
        Assert.Contains(says, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("placement=shards")]
    [InlineData("placement=")]
    [InlineData("placement=file&placement=shared")]
    public async Task A_list_by_a_placement_that_is_none_is_refused(string query)
    {
        await using var host = await TestHost.StartAsync(Ct);
        var problem = await AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.GetAsync($"/api/v1/tenants?{query}", Ct));
        Assert.Equal("placement", problem.GetProperty("field").GetString());
    }

    [Fact]
    public async Task An_update_that_would_move_data_is_refused()
    {
        await using var host = await ClusterAsync();
        var made = await AnswerAsync(HttpStatusCode.Created, await host.Operator.PostAsJsonAsync("/api/v1/tenants", new { name = "a", placement = "shared", server = "main" }, Ct));
        var path = $"/api/v1/tenants/{made.GetProperty("tenant").GetProperty("id").GetString()}";

        var placement = await AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.PatchAsJsonAsync(path, new { name = "b", placement = "schema" }, Ct));
        Assert.Equal("placement", placement.GetProperty("field").GetString());
        var server = await AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.PatchAsJsonAsync(path, new { server = "eu1" }, Ct));
        Assert.Equal("server", server.GetProperty("field").GetString());

        var shown = await host.Operator.GetFromJsonAsync<JsonElement>(path, Ct);
        Assert.Equal(("a", "shared main"), (shown.GetProperty("name").GetString(), PlaceOf(shown)));
    }

    [Fact]
    public async Task A_plans_placement_is_put_shown_and_used_by_sign_up()
    {
        await using var host = await ClusterAsync();
        var limits = new { requests_per_minute = 30, reads_per_minute = 300, learn_per_minute = 10, reason_per_minute = 20, concurrent_runs = 1, concepts = 5, storage_bytes = 6 };

        var put = await AnswerAsync(HttpStatusCode.OK, await host.Operator.PutAsJsonAsync("/api/v1/plans/free", new { limits, placement = "schema" }, Ct));
        Assert.Equal("schema", put.GetProperty("placement").GetString());
        var plans = (await host.Operator.GetFromJsonAsync<JsonElement>("/api/v1/plans", Ct)).GetProperty("data");
        Assert.Equal([null, "schema", null], plans.EnumerateArray().Select(static plan => plan.GetProperty("placement").GetString()));
        using var stranger = host.Client(null);
        var signedUp = await AnswerAsync(HttpStatusCode.Created, await stranger.PostAsJsonAsync("/api/v1/signup", new { name = "b", email = "b@example.org" }, Ct));
        Assert.Equal("schema", signedUp.GetProperty("tenant").GetProperty("placement").GetString());

        var unavailable = await AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.PutAsJsonAsync("/api/v1/plans/free", new { limits, placement = "file" }, Ct));
        Assert.Equal("placement", unavailable.GetProperty("field").GetString());
        var unknown = await AnswerAsync(HttpStatusCode.BadRequest, await host.Operator.PutAsJsonAsync("/api/v1/plans/free", new { limits, placement = "flie" }, Ct));
        Assert.Contains("one of: file, shared, schema, database", unknown.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Null((await AnswerAsync(HttpStatusCode.OK, await host.Operator.PutAsJsonAsync("/api/v1/plans/free", new { limits }, Ct))).GetProperty("placement").GetString());
    }

    private static Task<TestHost> ClusterAsync() => TestHost.StartAsync(
        new() { Services = static services => services.AddSingleton(new PlacementChoice(PlacementOptions.Cluster(["eu1"]))) }, Ct);

    private static string PlaceOf(JsonElement tenant) => $"{tenant.GetProperty("placement").GetString()} {tenant.GetProperty("server").GetString()}";
}
