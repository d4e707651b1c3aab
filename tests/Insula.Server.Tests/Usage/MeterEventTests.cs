using System.Net;
using System.Net.Http.Json;
using System.Web;
using Insula.Server.Tests.ManagedAgents;
using Insula.Server.Tests.Tenants;
using Insula.Tenancy.Access;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;
using Insula.TestKit;
using Insula.TestKit.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Server.Tests.Usage;

/// <summary>Costs reported to the billing provider, on both stores: each once, whatever fails.</summary>
public abstract class MeterEventTests(TestStore store)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_cost_is_in_one_event_that_keeps_its_identifier_until_it_arrives()
    {
        await using var stripe = await Receiver.StartAsync(Ct);
        var clock = new ManualClock();
        await using var host = await StartAsync(stripe, clock);
        var tenant = await host.CreateTenantAsync("t", Ct);
        await UseAsync(host, tenant, 5_000, clock);
        await TenantEndpointTests.AnswerAsync(HttpStatusCode.OK, await host.Operator.PutAsJsonAsync($"/api/v1/tenants/{tenant.Id}/billing", new { stripe_customer = "cus_1" }, Ct));
        Assert.Equal("cus_1", (await host.Operator.FetchAsync($"/api/v1/tenants/{tenant.Id}/billing", Ct)).GetProperty("stripe_customer").GetString());

        // What was used before belongs to no report, and of many reports at once one has the cost. The server reports beside the test.
        var (billing, report) = (host.Services.GetRequiredService<IBillingStore>(), host.Services.GetRequiredService<ReportCosts>());
        Assert.Equal(0, await billing.ReportAsync(clock.GetUtcNow(), Ct));
        stripe.Status = StatusCodes.Status503ServiceUnavailable;
        await UseAsync(host, tenant, 1_234, clock);
        await UseAsync(host, tenant, 766, clock);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => billing.ReportAsync(clock.GetUtcNow(), Ct)));
        await report.SendDueAsync(Ct);
        await stripe.UntilAsync(1, Ct);
        stripe.Status = StatusCodes.Status200OK;
        while ((await billing.CountAsync(clock.GetUtcNow(), Ct)).Waiting > 0)
        {
            clock.Advance(TimeSpan.FromMinutes(31));
            await report.SendDueAsync(Ct);
        }

        var sent = stripe.Received.Select(static request => (request.Path, Form: HttpUtility.ParseQueryString(request.Body), Key: request.Headers["idempotency-key"], Authorization: request.Headers["authorization"])).ToList();
        Assert.All(sent, static one => Assert.Equal(
            ("/v1/billing/meter_events", "insula_micros", "cus_1", one.Key, "Bearer sk_stripe"),
            (one.Path, one.Form["event_name"], one.Form["payload[stripe_customer_id]"], one.Form["identifier"], one.Authorization)));
        var events = sent.Select(static one => (one.Key, Value: long.Parse(one.Form["payload[value]"]!))).Distinct().ToList();
        Assert.Equal(events.Count, events.Select(static one => one.Key).Distinct().Count());
        Assert.Equal(2_000, events.Sum(static one => one.Value));
        Assert.True(sent.Count > events.Count);
    }

    [Fact]
    public async Task An_event_that_is_nearly_a_day_old_is_not_sent_again_and_asks_for_a_person()
    {
        await using var stripe = await Receiver.StartAsync(Ct);
        var clock = new ManualClock();
        await using var host = await StartAsync(stripe, clock);
        var tenant = await host.CreateTenantAsync("t", Ct);
        (await host.Operator.PutAsJsonAsync($"/api/v1/tenants/{tenant.Id}/billing", new { stripe_customer = "cus_1" }, Ct)).EnsureSuccessStatusCode();
        stripe.Status = StatusCodes.Status500InternalServerError;
        await UseAsync(host, tenant, 1, clock);
        var (billing, report) = (host.Services.GetRequiredService<IBillingStore>(), host.Services.GetRequiredService<ReportCosts>());
        await billing.ReportAsync(clock.GetUtcNow(), Ct);
        await report.SendDueAsync(Ct);
        await stripe.UntilAsync(1, Ct);

        // The clock of the first attempt, not of the event.
        clock.ShiftWallClock(ReportCosts.TryFor + TimeSpan.FromMinutes(1));
        stripe.Status = StatusCodes.Status200OK;
        await report.SendDueAsync(Ct);
        Assert.Single(stripe.Received);
        Assert.Equal((1, 1), await billing.CountAsync(clock.GetUtcNow() - ReportCosts.TryFor, Ct));
    }

    private Task<TestHost> StartAsync(Receiver stripe, ManualClock clock) => store.StartAsync(
        new TestHostOptions
        {
            Clock = clock,
            Services = services => services.AddSingleton(new BillingOptions { StripeKey = new Secret("sk_stripe"), StripeUrl = new Uri(stripe.Url) }),
        },
        Ct);

    private static Task<int> UseAsync(TestHost host, TestTenant tenant, long micros, ManualClock clock) => host.Services.GetRequiredService<IUsageLedger>().AddAsync(
        Id<Tenant>.Parse(tenant.Id), [new UsageEntry(Id<Hold>.New().ToString(), clock.GetUtcNow(), "model", "a/m", "", "", "", "", new Quantities(1), micros, null)], Ct);
}

public sealed class MeterEventsEmbeddedTests(EmbeddedStore store) : MeterEventTests(store), IClassFixture<EmbeddedStore>;

public sealed class MeterEventsOnPostgresTests(PostgresStore store) : MeterEventTests(store), IClassFixture<PostgresStore>;
