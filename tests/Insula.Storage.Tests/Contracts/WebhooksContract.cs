using System.Text.Json;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Webhooks;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every store of webhooks promises: an event comes to each webhook that asks for it once.</summary>
public abstract class WebhooksContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    private readonly TenantScope _scope = SystemTask.Provision.For(Id<Tenant>.New());

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IWebhookStore Store { get; set; } = null!;

    public async ValueTask InitializeAsync() => Store = (await OpenAsync()).GetRequiredService<IWebhookStore>();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IServiceProvider> OpenAsync();

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task An_event_comes_once_to_each_webhook_that_asks_for_it_and_was_there()
    {
        var (asks, other) = (await AddAsync(WebhookEvents.RunEnded), await AddAsync(WebhookEvents.StatementReady));
        var late = await AddAsync([WebhookEvents.RunEnded], Start.AddHours(1));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => PutAsync("run_1")));
        await PutAsync("run_2");

        var due = await DueAsync();
        Assert.Equal([asks.Id, asks.Id], due.Select(static d => d.Webhook.Id));
        Assert.Equal(2, due.Select(static d => d.Id).Distinct().Count());
        Assert.DoesNotContain(due, d => d.Webhook.Id == other.Id || d.Webhook.Id == late.Id);
        Assert.Equal(asks.Url, due[0].Webhook.Url);
        foreach (var delivery in due)
        {
            var body = JsonElement.Parse(delivery.Body);
            Assert.Equal((delivery.Id, WebhookEvents.RunEnded, 1), (body.GetProperty("id").GetString(), body.GetProperty("type").GetString(), body.GetProperty("data").GetProperty("n").GetInt32()));
        }
    }

    [Fact]
    public async Task What_arrived_does_not_come_in_again()
    {
        await AddAsync(WebhookEvents.RunEnded);
        await PutAsync("run_1");
        var delivery = Assert.Single(await DueAsync());
        await Store.ArrivedAsync(delivery, Start, Ct);
        await PutAsync("run_1");
        Assert.Empty(await DueAsync());
    }

    [Fact]
    public async Task One_caller_at_a_time_takes_a_delivery()
    {
        await AddAsync(WebhookEvents.RunEnded);
        await PutAsync("run_1");
        var delivery = Assert.Single(await DueAsync());
        var taken = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Store.TryTakeAsync(delivery, Start.AddMinutes(i), Ct)));
        Assert.Single(taken, static t => t);
        Assert.Empty(await DueAsync());
        Assert.Equal(1, Assert.Single(await DueAsync(Start.AddMinutes(9))).Attempts);
    }

    [Fact]
    public async Task A_webhook_that_is_given_up_gets_nothing_until_it_is_enabled()
    {
        var webhook = await AddAsync(WebhookEvents.RunEnded);
        await PutAsync("run_1");
        var delivery = Assert.Single(await DueAsync());
        await Store.FailedAsync(delivery, Start, Start.AddMinutes(1), "It answered 500.", Ct);
        Assert.Empty(await DueAsync());
        Assert.Equal(Start, (await Store.FindAsync(_scope, webhook.Id, Ct))!.FailingSince);

        await Store.FailedAsync(delivery, Start.AddMinutes(2), next: null, "It answered 500.", Ct);
        Assert.Empty(await DueAsync(Start.AddDays(1)));
        var given = (await Store.FindAsync(_scope, webhook.Id, Ct))!;
        Assert.Equal((Start, Start.AddMinutes(2)), (given.FailingSince, given.DisabledAt));
        await PutAsync("run_2");

        Assert.True(await Store.EnableAsync(_scope, webhook.Id, Start.AddDays(1), Record("webhook.enable"), Ct));
        Assert.Equal(delivery.Id, Assert.Single(await DueAsync(Start.AddDays(1))).Id);
        await Store.ArrivedAsync(delivery, Start, Ct);
        Assert.Null((await Store.FindAsync(_scope, webhook.Id, Ct))!.FailingSince);
    }

    [Fact]
    public async Task Webhooks_are_listed_bounded_and_removed_and_strangers_see_none()
    {
        var stranger = SystemTask.Provision.For(Id<Tenant>.New());
        var (first, second) = (await AddAsync(WebhookEvents.RunEnded), await AddAsync([.. WebhookEvents.All], Start.AddSeconds(1)));
        await PutAsync("run_1");
        Assert.Equal([second.Id, first.Id], (await Store.ListAsync(_scope, new PageRequest(10, null), Ct)).Items.Select(static w => w.Id));
        Assert.Equal(WebhookEvents.All, (await Store.FindAsync(_scope, second.Id, Ct))!.Events);
        Assert.Null(await Store.FindAsync(stranger, first.Id, Ct));
        Assert.False(await Store.RemoveAsync(stranger, first.Id, Record("webhook.delete"), Ct));
        Assert.False(await Store.AddAsync(_scope, New([WebhookEvents.RunEnded], Start), max: 2, Record("webhook.create"), Ct));
        Assert.Contains(_scope.Tenant, await Store.ListTenantsAsync(WebhookEvents.StatementReady, Ct));

        Assert.True(await Store.RemoveAsync(_scope, first.Id, Record("webhook.delete"), Ct));
        Assert.Empty(await DueAsync());
        Assert.Null(await Store.FindAsync(_scope, first.Id, Ct));
    }

    [Fact]
    public async Task Deliveries_are_listed_page_by_page_with_what_became_of_them_and_enabling_hurries_those_that_wait()
    {
        var (webhook, other) = (await AddAsync(WebhookEvents.RunEnded), await AddAsync(WebhookEvents.RunEnded));
        for (var i = 0; i < 3; i++) await Store.PutAsync(_scope.Tenant, WebhookEvents.RunEnded, $"run_{i}", "{}", Start.AddSeconds(i), Ct);
        var due = (await DueAsync(Start.AddSeconds(9))).Where(delivery => delivery.Webhook.Id == webhook.Id).ToList();
        foreach (var delivery in due) Assert.True(await Store.TryTakeAsync(delivery, Start.AddSeconds(30), Ct));
        await Store.ArrivedAsync(due[0], Start.AddSeconds(11), Ct);
        await Store.FailedAsync(due[1], Start.AddSeconds(12), Start.AddHours(12), "It answered 500.", Ct);

        var first = await Store.ListDeliveriesAsync(_scope, webhook.Id, new PageRequest(2, null), Ct);
        var rest = await Store.ListDeliveriesAsync(_scope, webhook.Id, new PageRequest(2, first.Next), Ct);
        DeliveryStanding[] expected =
        [
            new(due[2].Id, WebhookEvents.RunEnded, Start.AddSeconds(2), 1, null, null, Start.AddSeconds(30)),
            new(due[1].Id, WebhookEvents.RunEnded, Start.AddSeconds(1), 1, "It answered 500.", null, Start.AddHours(12)),
            new(due[0].Id, WebhookEvents.RunEnded, Start, 1, null, Start.AddSeconds(11), null),
        ];
        Assert.Equal(expected, first.Items.Concat(rest.Items));
        Assert.Null(rest.Next);
        Assert.Empty((await Store.ListDeliveriesAsync(SystemTask.Provision.For(Id<Tenant>.New()), webhook.Id, new PageRequest(10, null), Ct)).Items);

        // What is being tried at this moment is not tried a second time beside it.
        Assert.True(await Store.EnableAsync(_scope, webhook.Id, Start.AddSeconds(20), Record("webhook.enable"), Ct));
        Assert.Equal(due[1].Id, Assert.Single(await DueAsync(Start.AddSeconds(20)), delivery => delivery.Webhook.Id == webhook.Id).Id);
        Assert.DoesNotContain(other.Id.ToString(), string.Concat(expected.Select(static delivery => delivery.Id)), StringComparison.Ordinal);
    }

    private Task PutAsync(string run) => Store.PutAsync(_scope.Tenant, WebhookEvents.RunEnded, run, """{"n":1}""", Start, Ct);

    private async Task<List<Delivery>> DueAsync(DateTimeOffset? now = null) =>
        [.. (await Store.ListDueAsync(now ?? Start, 1000, Ct)).Where(delivery => delivery.Webhook.Tenant == _scope.Tenant)];

    private Task<Webhook> AddAsync(string name) => AddAsync([name], Start);

    private async Task<Webhook> AddAsync(IReadOnlyList<string> events, DateTimeOffset at)
    {
        var webhook = New(events, at);
        Assert.True(await Store.AddAsync(_scope, webhook, max: 20, Record("webhook.create"), Ct));
        return webhook;
    }

    private Webhook New(IReadOnlyList<string> events, DateTimeOffset at) => new(Id<Webhook>.New(), _scope.Tenant, "https://hooks.example.com/a?b=c", events, 1, at, null, null);

    private AuditRecord Record(string action) => new(_scope.Tenant, _scope.Principal, action, "whk", null, Start);
}
