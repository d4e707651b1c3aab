using System.Diagnostics.Metrics;
using System.Net;
using Insula.Server.Telemetry;
using Insula.TestKit;
using Insula.TestKit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Telemetry;

public sealed class MetricsPageTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_are_counted_by_route_and_no_label_comes_from_a_client()
    {
        await using var host = await TestHost.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("counted canary", Ct);
        using var one = await tenant.Client.GetAsync($"/api/v1/tenants/{tenant.Id}?canary=1", Ct);
        using var two = await tenant.Client.GetAsync("/canary/path", Ct);
        using var odd = await tenant.Client.SendAsync(new HttpRequestMessage(new HttpMethod("CANARY"), "/api/v1/me"), Ct);

        var page = await host.Operator.GetStringAsync("/metrics", Ct);

        Assert.Contains("insula_http_request_duration_seconds_count{method=\"GET\",route=\"/api/v1/tenants/{id}\",status=\"200\"} 1\n", page, StringComparison.Ordinal);
        Assert.Contains("insula_http_request_duration_seconds_count{method=\"GET\",route=\"unmatched\",status=\"404\"} 1\n", page, StringComparison.Ordinal);
        Assert.Contains("insula_http_request_duration_seconds_count{method=\"OTHER\",route=\"unmatched\",status=\"405\"} 1\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(tenant.Id, page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusals_are_counted_by_reason()
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { Clock = new ManualClock() }, Ct);
        using var forged = host.Client("sk_tenant_wrong");
        using var refused = await forged.GetAsync("/api/v1/me", Ct);
        var tenant = await host.CreateTenantAsync("limited", Ct, plan: "free");
        for (var i = 0; i < 21; i++) (await tenant.Client.PostAsync("/api/v1/keys", null, Ct)).Dispose();

        var page = await host.Operator.GetStringAsync("/metrics", Ct);

        Assert.Contains("insula_authentication_failures_total{code=\"invalid_key\"} 1\n", page, StringComparison.Ordinal);
        Assert.Contains("insula_rate_limited_total{class=\"requests\"} 1\n", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_a_real_port_this_machine_may_look_without_a_key_but_not_through_a_proxy()
    {
        await using var host = await TestHost.StartAsync(new TestHostOptions { RealPort = true }, Ct);
        using var local = host.Client(null);
        using var direct = await local.GetAsync("/metrics", Ct);
        Assert.Equal(HttpStatusCode.OK, direct.StatusCode);
        Assert.Equal("0.0.4", direct.Content.Headers.ContentType!.Parameters.Single(static p => p.Name == "version").Value);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Add("X-Forwarded-For", "203.0.113.7");
        using var forwarded = await local.SendAsync(request, Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, forwarded.StatusCode);
        var tenant = await host.CreateTenantAsync("curious", Ct);
        Assert.Equal(HttpStatusCode.Forbidden, (await tenant.Client.GetAsync("/metrics", Ct)).StatusCode);
    }

    [Fact]
    public void A_label_without_end_ends_in_one_series()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        using var page = new MetricsPage(meters);
        var counter = meters.Create("Insula.Test").CreateCounter<long>("insula_test_total");

        for (var i = 0; i < 5_000; i++) counter.Add(1, new KeyValuePair<string, object?>("id", i));

        var lines = page.Write().Split('\n');
        Assert.InRange(lines.Length, 1_000, 1_010);
        Assert.Contains("insula_test_total{overflow=\"true\"} 4000", lines);
    }

    [Fact]
    public void Text_in_labels_cannot_break_the_page()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = services.GetRequiredService<IMeterFactory>();
        using var page = new MetricsPage(meters);

        meters.Create("Insula.Test").CreateCounter<long>("insula_test_total").Add(1, new KeyValuePair<string, object?>("text", "a\"b\\c\nd"));

        Assert.Contains("""insula_test_total{text="a\"b\\c\nd"} 1""", page.Write(), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_hosts_meters_and_other_libraries_are_not_on_the_page()
    {
        using var mine = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var others = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using var page = new MetricsPage(mine.GetRequiredService<IMeterFactory>());

        others.GetRequiredService<IMeterFactory>().Create("Insula.Test").CreateCounter<long>("insula_other_total").Add(1);
        mine.GetRequiredService<IMeterFactory>().Create("Library").CreateCounter<long>("library_total").Add(1);

        Assert.Empty(page.Write());
    }
}
