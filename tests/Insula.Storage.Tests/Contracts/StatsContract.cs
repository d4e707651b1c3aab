using System.Text.Json;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Webhooks;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every store of counts promises.</summary>
public abstract class StatsContract : IAsyncLifetime
{
    private readonly Id<Tenant> _a = Id<Tenant>.New();
    private readonly Id<Tenant> _b = Id<Tenant>.New();

    /// <summary>A day that no other test has.</summary>
    private readonly DateOnly _day = new DateOnly(1999, 12, 31).AddDays(-Random.Shared.Next(10_000));

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IStatsStore Stats { get; set; } = null!;

    private IWebhookStore Webhooks { get; set; } = null!;

    private ITenantDirectory Directory { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var services = await OpenAsync();
        (Stats, Webhooks, Directory) = (services.GetRequiredService<IStatsStore>(), services.GetRequiredService<IWebhookStore>(), services.GetRequiredService<ITenantDirectory>());
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IServiceProvider> OpenAsync();

    protected abstract ValueTask CloseAsync();

    [Fact]
    public async Task Counts_of_many_nodes_at_once_add_up_by_tenant_and_day()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Stats.AddAsync(
            i % 2 == 0 ? [(_a, _day, new(3, 1, 2, 500)), (_b, _day, new(1, 0, 1, 7))] : [(_b, _day, new(1, 0, 1, 7)), (_a, _day, new(3, 1, 2, 500))], [], Ct)));
        await Stats.AddAsync([(_a, _day.AddDays(1), new(1, 1, 0, 0))], [], Ct);

        Assert.Equal([new TrafficDay(_day, new(24, 8, 16, 4_000)), new TrafficDay(_day.AddDays(1), new(1, 1, 0, 0))], await Stats.DaysAsync(_a, _day, _day.AddDays(2), Ct));
        Assert.Equal([new TrafficDay(_day, new(8, 0, 8, 56))], await Stats.DaysAsync(_b, _day, _day.AddDays(1), Ct));
        Assert.Equal(new TrafficSum(32, 8, 24, 4_056), (await Stats.TotalAsync(_day, _day.AddDays(1), Ct)).Traffic);
        Assert.Equal([_a, _b], (await Stats.BusiestAsync(_day, _day.AddDays(1), 2, Ct)).Select(static one => one.Tenant));
        Assert.Equal(0.25, new TrafficSum(24, 8, 16, 4_000).AverageLatencyMs);
    }

    [Fact]
    public async Task The_newest_look_counts_and_only_those_near_a_quota_are_listed()
    {
        var at = new DateTimeOffset(2026, 11, 22, 0, 0, 0, TimeSpan.Zero);
        var full = new TenantLevel(_a, at, 5_000, 7, 81, "concepts") { Quotas = [new("concepts", 81, 100), new("keys", 8, 10), new("agents", 79, 100)] };
        await Stats.AddAsync([], [full with { Percent = 99 }, new(_b, at, 1, 1, 79, "storage_bytes")], Ct);
        await Stats.AddAsync([], [full], Ct);
        Assert.Equivalent(full, await Stats.FindLevelAsync(_a, Ct), strict: true);
        var listed = await Stats.ListFullAsync(80, 1000, Ct);
        Assert.Equivalent(full, Assert.Single(listed, level => level.Tenant == _a), strict: true);
        Assert.DoesNotContain(listed, level => level.Tenant == _b);
        Assert.Equal(["concepts", "keys"], full.NearlyFull.Select(static quota => quota.Name));
        Assert.Null(await Stats.FindLevelAsync(Id<Tenant>.New(), Ct));

        await Stats.AddAsync([], [full with { At = at.AddTicks(-1), Percent = 1 }], Ct);
        Assert.Equivalent(full, await Stats.FindLevelAsync(_a, Ct), strict: true);
    }

    [Fact]
    public async Task A_tenant_is_told_of_each_quota_when_it_comes_near_and_not_while_it_stays_there()
    {
        var webhook = new Webhook(Id<Webhook>.New(), _a, "https://hooks.example.com/", [WebhookEvents.QuotaThreshold], 1, At(0), null, null);
        await Webhooks.AddAsync(SystemTask.Provision.For(_a), webhook, 1, new AuditRecord(_a, SystemTask.Provision.For(_a).Principal, "webhook.create", "whk", null, At(0)), Ct);
        QuotaLevel runs = new(QuotaLevel.Passing, 1, 1), keys = new("keys", 8, 10), agents = new("agents", 9, 10);
        foreach (var (minute, near) in ((int, QuotaLevel[])[])[(1, [runs]), (2, [runs, keys]), (3, [keys with { Used = 9 }, agents]), (4, [agents]), (5, [agents, keys]), (6, [])])
        {
            await Stats.AddAsync([], [new(_a, At(minute), 0, 0, 90, "keys") { Quotas = near }], Ct);
        }

        var told = (await Webhooks.ListDueAsync(At(10), 1000, Ct)).Where(delivery => delivery.Webhook.Tenant == _a).Select(static delivery => JsonElement.Parse(delivery.Body).GetProperty("data"));
        Assert.Equal(["keys 8/10", "agents 9/10", "keys 8/10"], told.Select(static data => $"{data.GetProperty("quota").GetString()} {data.GetProperty("used").GetInt64()}/{data.GetProperty("limit").GetInt64()}"));
    }

    [Fact]
    public async Task Every_tenant_is_listed_with_its_newest_look_or_none()
    {
        List<(Id<Tenant> Tenant, long? Used)> made = [];
        for (var i = 0; i < 5; i++)
        {
            var tenant = new Tenant(Id<Tenant>.New(), "t", null, "free", Placement.Shared, "main", TenantStatus.Active, LimitOverrides.None, At(0), At(0), null, null);
            await Directory.AddAsync(tenant, null, new AuditRecord(tenant.Id, SystemTask.Provision.For(tenant.Id).Principal, "tenant.create", tenant.Id.ToString(), null, At(0)), Ct);
            if (i != 2) await Stats.AddAsync([], [TenantLevel.Of(tenant.Id, At(i), i, i, [new("keys", i, 10)])], Ct);
            made.Add((tenant.Id, i == 2 ? null : i));
        }

        List<(Id<Tenant> Tenant, long? Used)> listed = [];
        for (Id<Tenant>? after = null; await Stats.ListLevelsAsync(after, 2, Ct) is { Count: > 0 } page; after = page[^1].Tenant.Id) listed.AddRange(page.Select(static one => (one.Tenant.Id, one.Level?.Quotas[0].Used)));
        Assert.Equal(listed.OrderBy(static one => one.Tenant.ToString(), StringComparer.Ordinal), listed);
        Assert.Equal(listed.Distinct(), listed);
        Assert.Empty(made.Except(listed));
    }

    private static DateTimeOffset At(int minute) => new(2026, 11, 22, 0, minute, 0, TimeSpan.Zero);
}
