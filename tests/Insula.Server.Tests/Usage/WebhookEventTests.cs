using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Insula.Server.Tests.Budgets;
using Insula.Server.Tests.ManagedAgents;
using Insula.Server.Tests.Tenants;
using Insula.Tenancy.Webhooks;
using Insula.TestKit;
using Insula.TestKit.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Usage;

/// <summary>
/// Each event that there is, from what provokes it to a real receiver, on both stores. A kind of event without a way to provoke
/// it here fails.
/// </summary>
public abstract class WebhookEventTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => [.. WebhookEvents.All];

    [Theory(Timeout = 300_000)]
    [MemberData(nameof(Names))]
    public async Task An_event_arrives_signed_and_once_after_a_failure_with_nothing_of_anybody_else(string name)
    {
        await using var receiver = await Receiver.StartAsync(Ct);
        receiver.FailsFirst = true;
        var clock = new ManualClock();

        // PostgreSQL tells the time of what is spent, so the test's clock is set by the same one, and ahead of it while it stands still.
        var byStore = name is WebhookEvents.BudgetThreshold or WebhookEvents.BudgetExhausted;
        if (byStore) clock.ShiftWallClock(TimeProvider.System.GetUtcNow() - ManualClock.Start);
        await using var host = await store.StartAsync(
            new TestHostOptions { Clock = clock, Services = static services => services.AddSingleton(new WebhookOptions { PrivateAllowed = true }) }, Ct);
        var world = await BudgetWorld.MakeAsync(host);
        var stranger = await host.CreateTenantAsync("stranger", Ct);
        var secret = await ListenAsync(world.Tenant, receiver.Url + "/own", name);
        var others = await ListenAsync(stranger, receiver.Url + "/strangers", name);
        if (byStore) clock.ShiftWallClock(TimeSpan.FromHours(1));
        var expected = await ProvokeAsync(name, world, clock);
        var (webhooks, deliver) = (host.Services.GetRequiredService<IWebhookStore>(), host.Services.GetRequiredService<DeliverWebhooks>());

        // Usage is told of within a second, quotas within a minute, and statements are looked at every ten.
        var tick = name is WebhookEvents.QuotaThreshold or WebhookEvents.StatementReady ? TimeSpan.FromSeconds(5) : TimeSpan.FromMilliseconds(50);
        while ((await webhooks.CountAsync(Ct)).Waiting == 0) await TickAsync(clock, tick);

        // The clock stands still while a message is under way, so that none is taken for lost. The server delivers beside the test.
        await deliver.DeliverDueAsync(Ct);
        while (!await IsFailingAsync(world.Tenant)) await TickAsync(clock, TimeSpan.Zero);
        Assert.Single(At(receiver, "/own"));
        Assert.Equal((name, 1, "It answered 500.", false), await DeliveryAsync(world.Tenant));
        clock.Advance(TimeSpan.FromSeconds(10));
        await deliver.DeliverDueAsync(Ct);
        while ((await webhooks.CountAsync(Ct)).Waiting > 0) await TickAsync(clock, TimeSpan.Zero);
        clock.Advance(TimeSpan.FromHours(1));
        await deliver.DeliverDueAsync(Ct);

        var told = At(receiver, "/own");
        Assert.Equal(2, told.Count);
        Assert.Single(told.Select(static request => (request.Headers["webhook-id"], request.Body)).Distinct());
        Assert.False(await IsFailingAsync(world.Tenant));
        Assert.Equal((name, 2, "It answered 500.", true), await DeliveryAsync(world.Tenant));
        foreach (var request in told)
        {
            var body = SignedMessage.Open(request, secret, clock.GetUtcNow() - TimeSpan.FromHours(1));
            Assert.Equal(["id", "type", "created_at", "tenant_id", "data"], body.EnumerateObject().Select(static member => member.Name));
            Assert.Equal((request.Headers["webhook-id"], name, world.Tenant.Id), (body.Id(), body.GetProperty("type").GetString(), body.GetProperty("tenant_id").GetString()));
            Assert.Equal(Json(expected), Json(body.GetProperty("data")));
            var all = request.Body + string.Join('\n', request.Headers.Select(static header => $"{header.Key}: {header.Value}"));
            Assert.All(
                (string[])[secret, secret["whsec_".Length..], others, world.Tenant.Key, world.Tenant.KeyId, stranger.Id, stranger.Key, TestHost.OperatorKey],
                hidden => Assert.DoesNotContain(hidden, all, StringComparison.Ordinal));
        }

        // A month ends for everybody; nothing else happened to the other tenant.
        var toOther = At(receiver, "/strangers");
        Assert.Equal(name == WebhookEvents.StatementReady ? 2 : 0, toOther.Count);
        Assert.All(toOther, request => Assert.Equal(stranger.Id, SignedMessage.Open(request, others, clock.GetUtcNow() - TimeSpan.FromHours(1)).GetProperty("tenant_id").GetString()));
    }

    private static List<ReceivedRequest> At(Receiver receiver, string path) => [.. receiver.Received.Where(request => request.Path == path)];

    /// <summary>Makes it happen, and says what its receiver is to be told.</summary>
    private static Task<object> ProvokeAsync(string name, BudgetWorld world, ManualClock clock) => name switch
    {
        WebhookEvents.BudgetThreshold => SpendAsync(world, 55, 50),
        WebhookEvents.BudgetExhausted => SpendAsync(world, 100, 100),
        WebhookEvents.QuotaThreshold => KeepAsync(world),
        WebhookEvents.RunEnded => EndAsync(world),
        WebhookEvents.StatementReady => EndMonthAsync(world, clock),
        _ => throw new InvalidOperationException($"Nothing here provokes {name}."),
    };

    /// <summary>Of 100 micro-dollars.</summary>
    private static async Task<object> SpendAsync(BudgetWorld world, int micros, int percent)
    {
        await world.LimitAgentAsync(100);
        Assert.Equal(("end_turn", null), await world.RunAsync($"!usage 40 {micros - 40}\n!text paid"));
        return new { budget = $"agent:{world.Agent}", percent, limit_micros = 100, spent_micros = micros, resets_at = (string?)null };
    }

    private static async Task<object> KeepAsync(BudgetWorld world)
    {
        (await world.Host.Operator.PatchAsJsonAsync($"/api/v1/tenants/{world.Tenant.Id}", new { limits = new { storage_bytes = 20 } }, Ct)).EnsureSuccessStatusCode();
        (await world.Tenant.Client.PostAsJsonAsync("/api/v1/knowledge/learn", new { source = "s", text = "Ostia is a harbour." }, Ct)).EnsureSuccessStatusCode();
        return new { quota = "storage_bytes", used = 19, limit = 20, percent = 95, storage_bytes = 19, concepts = 1 };
    }

    private static async Task<object> EndAsync(BudgetWorld world)
    {
        var session = await world.SessionAsync();
        await world.RunAsync("!text done", session);
        return new { run_id = (await world.Tenant.Client.FetchAsync("/api/v1/runs", Ct)).GetProperty("data")[0].Id(), session_id = session, stop_reason = "end_turn" };
    }

    private static async Task<object> EndMonthAsync(BudgetWorld world, ManualClock clock)
    {
        await world.RunAsync("!usage 40 15\n!text done");
        while ((await world.Tenant.Client.FetchAsync("/api/v1/usage", Ct)).GetProperty("total").GetProperty("items").GetInt64() == 0) await TickAsync(clock, TimeSpan.FromMilliseconds(100));
        clock.ShiftWallClock(TimeSpan.FromDays(31) + TimeSpan.FromHours(1));
        return new { month = "2030-01", total_micros = 55, total = "0.000055", currency = "USD" };
    }

    private static async Task<string> ListenAsync(TestTenant tenant, string url, string name)
    {
        var made = await TenantEndpointTests.AnswerAsync(HttpStatusCode.Created, await tenant.Client.PostAsJsonAsync("/api/v1/webhooks", new { url, events = new[] { name } }, Ct));
        return made.GetProperty("secret").GetString()!;
    }

    private static async Task<bool> IsFailingAsync(TestTenant tenant) =>
        (await tenant.Client.FetchAsync("/api/v1/webhooks", Ct)).GetProperty("data")[0].GetProperty("failing_since").ValueKind != JsonValueKind.Null;

    /// <summary>As the tenant sees its only delivery.</summary>
    private static async Task<(string? Event, int Attempts, string? Error, bool Arrived)> DeliveryAsync(TestTenant tenant)
    {
        var webhook = (await tenant.Client.FetchAsync("/api/v1/webhooks", Ct)).GetProperty("data")[0].Id();
        var one = Assert.Single((await tenant.Client.FetchAsync($"/api/v1/webhooks/{webhook}/deliveries", Ct)).GetProperty("data").EnumerateArray());
        Assert.NotEqual(one.GetProperty("delivered_at").ValueKind, one.GetProperty("next_attempt_at").ValueKind);
        return (one.GetProperty("event").GetString(), one.GetProperty("attempts").GetInt32(), one.GetProperty("error").GetString(), one.GetProperty("delivered_at").ValueKind == JsonValueKind.String);
    }

    private static async Task TickAsync(ManualClock clock, TimeSpan by)
    {
        if (by > TimeSpan.Zero) clock.Advance(by);
        await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
    }

    /// <summary>In one order of members.</summary>
    private static string Json(object value) => JsonSerializer.Serialize(
        JsonSerializer.SerializeToElement(value).EnumerateObject().OrderBy(static member => member.Name, StringComparer.Ordinal).ToDictionary(static member => member.Name, static member => member.Value));
}

public sealed class WebhookEventsEmbeddedTests(EmbeddedStore store) : WebhookEventTests(store), IClassFixture<EmbeddedStore>;

public sealed class WebhookEventsOnPostgresTests(PostgresStore store) : WebhookEventTests(store), IClassFixture<PostgresStore>;
