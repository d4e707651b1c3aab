using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.TestKit;
using Insula.TestKit.Hosting;

namespace Insula.Server.Tests.Http;

public sealed class RateLimitTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tenant_over_its_rate_is_told_how_long_to_wait_and_gets_in_after_it()
    {
        var clock = new ManualClock();
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("small", Ct, plan: "free");
        for (var i = 0; i < 20; i++)
        {
            using var admitted = await NewKeyAsync(tenant);
            Assert.Equal(HttpStatusCode.Created, admitted.StatusCode);
            Assert.Equal("\"requests\";q=20;w=120", Field(admitted, "RateLimit-Policy"));
            Assert.StartsWith($"\"requests\";r={19 - i};t=", Field(admitted, "RateLimit"), StringComparison.Ordinal);
        }

        using var refused = await NewKeyAsync(tenant);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal("true", refused.Headers.GetValues("x-should-retry").Single());
        Assert.Contains("10 requests a minute", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);

        var wait = TimeSpan.FromMilliseconds(double.Parse(refused.Headers.GetValues("retry-after-ms").Single(), CultureInfo.InvariantCulture));
        Assert.True(wait <= refused.Headers.RetryAfter!.Delta);
        clock.Advance(wait - TimeSpan.FromMilliseconds(2));
        Assert.Equal(HttpStatusCode.TooManyRequests, (await NewKeyAsync(tenant)).StatusCode);
        clock.Advance(TimeSpan.FromMilliseconds(2));
        Assert.Equal(HttpStatusCode.Created, (await NewKeyAsync(tenant)).StatusCode);
    }

    [Fact]
    public async Task One_tenant_at_its_limit_takes_nothing_from_another_nor_from_its_own_reads()
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = new ManualClock() }, Ct);
        var greedy = await host.CreateTenantAsync("greedy", Ct, plan: "free");
        var calm = await host.CreateTenantAsync("calm", Ct, plan: "free");
        for (var i = 0; i < 25; i++) (await NewKeyAsync(greedy)).Dispose();

        Assert.Equal(HttpStatusCode.TooManyRequests, (await NewKeyAsync(greedy)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await greedy.Client.GetAsync("/api/v1/me", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await NewKeyAsync(calm)).StatusCode);
    }

    [Fact]
    public async Task A_raised_limit_counts_from_the_next_call_on()
    {
        var clock = new ManualClock();
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = clock }, Ct);
        var tenant = await host.CreateTenantAsync("growing", Ct, plan: "free");
        for (var i = 0; i < 20; i++) (await NewKeyAsync(tenant)).Dispose();
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.TooManyRequests, (await NewKeyAsync(tenant)).StatusCode);

        using var raised = await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { requests_per_minute = 100 } }, Ct);

        Assert.Equal(HttpStatusCode.OK, raised.StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await NewKeyAsync(tenant)).StatusCode);
    }

    [Fact]
    public async Task The_vendors_routes_tell_the_rate_in_the_vendors_words_too()
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = new ManualClock() }, Ct);
        var tenant = await host.CreateTenantAsync("vendor", Ct, plan: "free");

        using var answer = await tenant.Client.GetAsync("/v1/agents", Ct);

        Assert.Equal("200", Field(answer, "anthropic-ratelimit-requests-limit"));
        Assert.Equal("199", Field(answer, "anthropic-ratelimit-requests-remaining"));
        Assert.Equal("2030-01-01T00:00:00Z", Field(answer, "anthropic-ratelimit-requests-reset")[..20]);
    }

    [Fact]
    public async Task Operators_are_not_limited_and_strangers_are_by_address()
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = new ManualClock() }, Ct);
        using var nobody = host.Client(null);
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 241; i++)
        {
            using var answer = await nobody.PostAsJsonAsync("/api/v1/signup", new { name = "", email = "" }, Ct);
            statuses.Add(answer.StatusCode);
            using var platform = await host.Operator.GetAsync("/api/v1/me", Ct);
            Assert.Equal(HttpStatusCode.OK, platform.StatusCode);
            Assert.False(platform.Headers.Contains("RateLimit"));
        }

        Assert.Equal(240, statuses.Count(static status => status == HttpStatusCode.BadRequest));
        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[^1]);
    }

    [Fact]
    public async Task A_key_with_limits_of_its_own_keeps_both_its_own_and_its_tenants()
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = new ManualClock() }, Ct);
        var tenant = await host.CreateTenantAsync("small", Ct, plan: "pro");
        using var made = await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "ci", scopes = new[] { "read", "write", "admin" }, limits = new { requests_per_minute = 2 } }, Ct);
        var key = await made.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal(2, key.GetProperty("limits").GetProperty("requests_per_minute").GetInt32());
        using var limited = host.Client(key.GetProperty("secret").GetString()!);
        for (var call = 0; call < 4; call++) Assert.Equal(HttpStatusCode.Created, (await limited.PostAsJsonAsync("/api/v1/keys", new { name = "k" }, Ct)).StatusCode);

        using var refused = await limited.PostAsJsonAsync("/api/v1/keys", new { name = "k" }, Ct);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Equal("\"requests\";q=4;w=120", Field(refused, "RateLimit-Policy"));
        Assert.Contains("this key's limit of 2 requests a minute", await refused.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Created, (await NewKeyAsync(tenant)).StatusCode);

        using var rotated = await tenant.Client.PostAsJsonAsync($"/api/v1/keys/{key.GetProperty("id").GetString()}/rotate", new { }, Ct);
        Assert.Equal(2, (await rotated.Content.ReadFromJsonAsync<JsonElement>(Ct)).GetProperty("limits").GetProperty("requests_per_minute").GetInt32());

        using var wrong = await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "ci", limits = new { requests_per_minute = 0 } }, Ct);
        Assert.Contains("limits.requests_per_minute", await wrong.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        using var unknown = await tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "ci", limits = new { tokens_per_minute = 5 } }, Ct);
        Assert.Equal(HttpStatusCode.BadRequest, unknown.StatusCode);
    }

    private static Task<HttpResponseMessage> NewKeyAsync(TestTenant tenant) => tenant.Client.PostAsJsonAsync("/api/v1/keys", new { name = "k" }, Ct);

    /// <summary>The header without the partition key, which is the tenant's id.</summary>
    private static string Field(HttpResponseMessage answer, string name) => answer.Headers.GetValues(name).Single().Split(";pk=")[0];
}
