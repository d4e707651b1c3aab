using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Insula.TestKit.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Insula.Server.Tests.Http;

public sealed class ErrorShapeTests
{
    private const string Secret = "connection string with a password";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET", "/api/v1/nothing", 404, "route_not_found", "not_found_error")]
    [InlineData("GET", "/nothing", 404, "route_not_found", "not_found_error")]
    [InlineData("DELETE", "/api/v1/me", 405, "method_not_allowed", "invalid_request_error")]
    [InlineData("GET", "/api/v1/me", 401, "not_signed_in", "authentication_error")]
    [InlineData("GET", "/api/v1/bug", 500, "internal_error", "api_error")]
    [InlineData("GET", "/api/v1/away", 503, "part_away", "overloaded_error")]
    [InlineData("GET", "/api/v1/full", 403, "quota_reached", "rate_limit_error")]
    [InlineData("GET", "/api/v1/moved", 409, "moved_on", "conflict_error")]
    public async Task Every_refusal_has_the_shape_of_its_protocol(string method, string path, int status, string code, string type)
    {
        await using var host = await StartAsync();
        using var nobody = host.Client(null);

        using var own = await nobody.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Ct);
        Assert.Equal(status, (int)own.StatusCode);
        Assert.Equal("application/problem+json", own.Content.Headers.ContentType?.MediaType);
        var problem = await own.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal($"urn:insula:error:{code}", problem.GetProperty("type").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.Equal(own.Headers.GetValues("request-id").Single(), problem.GetProperty("request_id").GetString());

        if (!path.StartsWith("/api", StringComparison.Ordinal)) return;
        using var vendor = await nobody.SendAsync(new HttpRequestMessage(new HttpMethod(method), path.Replace("/api/v1/me", "/v1/agents/x/versions", StringComparison.Ordinal).Replace("/api", "", StringComparison.Ordinal)), Ct);
        // The vendor's clients know a used-up quota as a 429 that says not to try again.
        Assert.Equal(path == "/api/v1/full" ? 429 : status, (int)vendor.StatusCode);
        Assert.Equal("application/json", vendor.Content.Headers.ContentType?.MediaType);
        var envelope = await vendor.Content.ReadFromJsonAsync<JsonElement>(Ct);
        Assert.Equal("error", envelope.GetProperty("type").GetString());
        Assert.Equal(type, envelope.GetProperty("error").GetProperty("type").GetString());
        Assert.Equal(vendor.Headers.GetValues("request-id").Single(), envelope.GetProperty("request_id").GetString());
    }

    [Fact]
    public async Task A_bug_is_told_by_its_request_id_and_its_detail_stays_in_the_log()
    {
        await using var host = await StartAsync();
        using var nobody = host.Client(null);

        using var answer = await nobody.GetAsync("/api/v1/bug", Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);

        Assert.DoesNotContain("password", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", text, StringComparison.Ordinal);
        var logged = Assert.Single(host.Log.Lines, static line => line.EventId == 1000);
        Assert.Contains(Secret, logged.Exception, StringComparison.Ordinal);
        Assert.Contains(answer.Headers.GetValues("request-id").Single(), logged.Scopes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v1/away", "true", "1500", "2")]
    [InlineData("/api/v1/full", "false", null, null)]
    public async Task Retry_headers_say_whether_waiting_helps(string path, string shouldRetry, string? milliseconds, string? seconds)
    {
        await using var host = await StartAsync();
        using var nobody = host.Client(null);

        using var answer = await nobody.GetAsync(path, Ct);

        Assert.Equal(shouldRetry, answer.Headers.GetValues("x-should-retry").Single());
        Assert.Equal(milliseconds, answer.Headers.TryGetValues("retry-after-ms", out var ms) ? ms.Single() : null);
        Assert.Equal(seconds, answer.Headers.TryGetValues("Retry-After", out var s) ? s.Single() : null);
    }

    [Fact]
    public async Task An_id_that_a_client_sends_is_not_taken_but_its_trace_is_carried_on()
    {
        const string Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        await using var host = await StartAsync();
        using var nobody = host.Client(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/healthz");
        request.Headers.Add("request-id", "req_mine");
        request.Headers.Add("x-request-id", "req_mine");
        request.Headers.Add("traceparent", Trace);

        using var answer = await nobody.SendAsync(request, Ct);

        var id = answer.Headers.GetValues("request-id").Single();
        Assert.Matches("^req_[0-9A-Za-z]{22}$", id);
        Assert.Equal(id, answer.Headers.GetValues("x-request-id").Single());
        Assert.Equal(Trace, answer.Headers.GetValues("traceparent").Single());
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.True(answer.Headers.CacheControl?.NoStore);
    }

    [Fact]
    public async Task A_key_is_in_no_log_line_and_in_no_refusal()
    {
        await using var host = await TestHost.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("quiet", Ct);
        var answers = new StringBuilder();
        foreach (var path in (string[])["/api/v1/me", "/api/v1/tenants", "/api/v1/nothing", $"/api/v1/keys/{tenant.KeyId}/rotate", "/v1/agents"])
        {
            foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Post])
            {
                using var answer = await tenant.Client.SendAsync(new HttpRequestMessage(method, path), Ct);
                if (!answer.IsSuccessStatusCode) answers.Append(await answer.Content.ReadAsStringAsync(Ct));
            }
        }

        Assert.DoesNotContain(tenant.Key[^30..], answers.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(tenant.Key[^30..], host.Log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(TestHost.OperatorKey, host.Log.Text, StringComparison.Ordinal);
    }

    private static Task<TestHost> StartAsync() => TestHost.StartAsync(
        new TestHostOptions
        {
            Routes = static routes =>
            {
                foreach (var root in (string[])["/api/v1", "/v1"])
                {
                    routes.MapGet($"{root}/bug", static IResult () => throw new InvalidOperationException(Secret)).AllowAnonymousCaller();
                    routes.MapGet($"{root}/away", static IResult () => throw new FaultException(
                        Fault.Unavailable("part_away", "Away for now.", Secret) with { RetryAfter = TimeSpan.FromSeconds(1.5) })).AllowAnonymousCaller();
                    routes.MapGet($"{root}/full", static () => Answers.Of(Fault.OverLimit("quota_reached", "All used."))).AllowAnonymousCaller();
                    routes.MapGet($"{root}/moved", static () => Answers.Of(Fault.Conflict("moved_on", "It moved on."))).AllowAnonymousCaller();
                }
            },
        },
        Ct);
}
