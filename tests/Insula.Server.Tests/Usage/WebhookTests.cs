using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Insula.Agents.Usage;
using Insula.Server.Tests.ManagedAgents;
using Insula.Server.Tests.Tenants;
using Insula.Tenancy.Webhooks;
using Insula.TestKit;
using Insula.TestKit.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Usage;

/// <summary>Webhooks over HTTP, on both stores, with a real receiver; time is the test's.</summary>
public abstract class WebhookTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_end_of_a_run_is_told_signed_and_told_again_under_the_same_id_until_it_arrives()
    {
        await using var receiver = await Receiver.StartAsync(Ct);
        var clock = new ManualClock();
        await using var host = await StartAsync(clock);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var made = await CreateAsync(tenant, receiver.Url, "run.ended");
        receiver.Status = StatusCodes.Status500InternalServerError;
        var (session, run) = await RunAsync(host, tenant);

        var deliver = host.Services.GetRequiredService<DeliverWebhooks>();
        await deliver.DeliverDueAsync(Ct);
        while ((await tenant.Client.FetchAsync($"/api/v1/webhooks/{made.Id()}", Ct)).GetProperty("failing_since").ValueKind == JsonValueKind.Null) await Task.Yield();
        await deliver.DeliverDueAsync(Ct);
        Assert.Single(receiver.Received);
        receiver.Status = StatusCodes.Status204NoContent;
        clock.Advance(TimeSpan.FromSeconds(10));
        await deliver.DeliverDueAsync(Ct);
        await receiver.UntilAsync(2, Ct);
        while ((await host.Services.GetRequiredService<IWebhookStore>().CountAsync(Ct)).Waiting > 0) await Task.Yield();
        clock.Advance(TimeSpan.FromDays(1));
        await deliver.DeliverDueAsync(Ct);

        Assert.Equal(2, receiver.Received.Count);
        var secret = Convert.FromBase64String(made.GetProperty("secret").GetString()!["whsec_".Length..]);
        foreach (var request in receiver.Received)
        {
            Assert.Equal(request.Headers["webhook-signature"], $"v1,{Convert.ToBase64String(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes($"{request.Headers["webhook-id"]}.{request.Headers["webhook-timestamp"]}.{request.Body}")))}");
            Assert.Equal(receiver.Received.First().Headers["webhook-id"], request.Headers["webhook-id"]);
        }

        var body = JsonElement.Parse(receiver.Received.First().Body);
        Assert.Equal(("run.ended", tenant.Id), (body.GetProperty("type").GetString(), body.GetProperty("tenant_id").GetString()));
        Assert.Equal((run, session, "end_turn"), (Text(body, "run_id"), Text(body, "session_id"), Text(body, "stop_reason")));
        Assert.Equal(JsonValueKind.Null, (await tenant.Client.FetchAsync($"/api/v1/webhooks/{made.Id()}", Ct)).GetProperty("failing_since").ValueKind);
    }

    [Fact]
    public async Task A_receiver_that_fails_for_days_is_disabled_until_it_is_enabled()
    {
        await using var receiver = await Receiver.StartAsync(Ct);
        var clock = new ManualClock();
        await using var host = await StartAsync(clock);
        var tenant = await host.CreateTenantAsync("t", Ct);
        var made = await CreateAsync(tenant, receiver.Url, "run.ended");
        receiver.Status = StatusCodes.Status404NotFound;
        await RunAsync(host, tenant);
        var deliver = host.Services.GetRequiredService<DeliverWebhooks>();
        while ((await tenant.Client.FetchAsync($"/api/v1/webhooks/{made.Id()}", Ct)).GetProperty("disabled_at").ValueKind == JsonValueKind.Null)
        {
            await deliver.DeliverDueAsync(Ct);
            clock.Advance(TimeSpan.FromHours(20));
        }

        var attempts = receiver.Received.Count;
        Assert.True(attempts >= 2);
        receiver.Status = StatusCodes.Status200OK;
        clock.Advance(TimeSpan.FromDays(1));
        await deliver.DeliverDueAsync(Ct);
        Assert.Equal(attempts, receiver.Received.Count);

        await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await tenant.Client.PostAsync($"/api/v1/webhooks/{made.Id()}/enable", null, Ct));
        await deliver.DeliverDueAsync(Ct);
        await receiver.UntilAsync(attempts + 1, Ct);
    }

    [Fact]
    public async Task A_quota_that_is_nearly_used_is_told_of_once()
    {
        await using var receiver = await Receiver.StartAsync(Ct);
        await using var host = await StartAsync(new ManualClock());
        var tenant = await host.CreateTenantAsync("t", Ct);
        (await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { storage_bytes = 20 } }, Ct)).EnsureSuccessStatusCode();
        await CreateAsync(tenant, receiver.Url, "quota.threshold");
        (await tenant.Client.PostAsJsonAsync("/api/v1/knowledge/learn", new { source = "s", text = "Ostia is a harbour." }, Ct)).EnsureSuccessStatusCode();
        var flush = host.Services.GetRequiredService<FlushStats>();
        await flush.FlushAsync(Ct);
        await tenant.Client.FetchAsync("/api/v1/me", Ct);
        await flush.FlushAsync(Ct);
        await host.Services.GetRequiredService<DeliverWebhooks>().DeliverDueAsync(Ct);
        await receiver.UntilAsync(1, Ct);

        var body = JsonElement.Parse(Assert.Single(receiver.Received).Body);
        Assert.Equal(("quota.threshold", "storage_bytes", 95), (body.GetProperty("type").GetString(), Text(body, "quota"), body.GetProperty("data").GetProperty("percent").GetInt32()));
    }

    [Fact]
    public async Task A_tenant_at_rest_is_told_when_its_limit_comes_down_to_its_use_and_each_time_anew()
    {
        await using var receiver = await Receiver.StartAsync(Ct);
        var clock = new ManualClock();
        await using var host = await StartAsync(clock);
        var tenant = await host.CreateTenantAsync("t", Ct);
        await CreateAsync(tenant, receiver.Url, "quota.threshold");
        (await tenant.Client.PostAsJsonAsync("/api/v1/knowledge/learn", new { source = "s", text = "Ostia is a harbour." }, Ct)).EnsureSuccessStatusCode();
        await host.Services.GetRequiredService<FlushStats>().FlushAsync(Ct);

        var judge = host.Services.GetRequiredService<JudgeTenants>();
        foreach (var bytes in (int[])[20, 1_000, 20])
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            (await host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{tenant.Id}", new { limits = new { storage_bytes = bytes } }, Ct)).EnsureSuccessStatusCode();
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => judge.JudgeAsync(Ct)));
            await judge.JudgeAsync(Ct);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        await host.Services.GetRequiredService<DeliverWebhooks>().DeliverDueAsync(limit.Token);
        await receiver.UntilAsync(2, limit.Token);
        Assert.Equal(["storage_bytes 95", "storage_bytes 95"], receiver.Received.Select(static told => JsonElement.Parse(told.Body)).Select(static body => $"{Text(body, "quota")} {body.GetProperty("data").GetProperty("percent").GetInt32()}"));
    }

    [Fact]
    public async Task A_private_address_is_refused_unless_the_operator_allows_it()
    {
        await using var host = await store.StartAsync(Ct);
        var tenant = await host.CreateTenantAsync("t", Ct);
        foreach (var url in (string[])["http://example.com/", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data"])
        {
            var problem = await TenantEndpointTests.AnswerAsync(HttpStatusCode.BadRequest, await tenant.Client.PostAsJsonAsync("/api/v1/webhooks", new { url }, Ct));
            Assert.Equal("url", problem.GetProperty("field").GetString());
        }
    }

    private Task<TestHost> StartAsync(ManualClock clock) => store.StartAsync(
        new TestHostOptions { Clock = clock, Services = static services => services.AddSingleton(new WebhookOptions { PrivateAllowed = true }) }, Ct);

    private static async Task<JsonElement> CreateAsync(TestTenant tenant, string url, string name) => await TenantEndpointTests.AnswerAsync(
        HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/webhooks", new { url, events = new[] { name } }, Ct));

    private static async Task<(string Session, string Run)> RunAsync(TestHost host, TestTenant tenant)
    {
        var session = await tenant.Client.StartSessionAsync(Ct);
        using var events = await EventReader.OpenAsync(tenant.Client, session, after: 0, Ct);
        await tenant.Client.SayAsync(session, "!text done", Ct);
        await events.UntilAsync("session.status_idle", Ct);

        // It is on its way when the session's entry has left the queue.
        var webhooks = host.Services.GetRequiredService<IWebhookStore>();
        while ((await webhooks.CountAsync(Ct)).Waiting == 0) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        var runs = await tenant.Client.FetchAsync("/api/v1/runs", Ct);
        return (session, runs.GetProperty("data")[0].Id());
    }

    private static string? Text(JsonElement body, string name) => body.GetProperty("data").GetProperty(name).GetString();
}

public sealed class WebhooksEmbeddedTests(EmbeddedStore store) : WebhookTests(store), IClassFixture<EmbeddedStore>;

public sealed class WebhooksOnPostgresTests(PostgresStore store) : WebhookTests(store), IClassFixture<PostgresStore>;
