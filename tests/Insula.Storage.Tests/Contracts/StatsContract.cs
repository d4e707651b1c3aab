using Insula.Tenancy.Identity;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
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

    public async ValueTask InitializeAsync() => Stats = (await OpenAsync()).GetRequiredService<IStatsStore>();

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
        var full = new TenantLevel(_a, at, 5_000, 7, 81, "concepts");
        await Stats.AddAsync([], [full with { Percent = 99 }, new(_b, at, 1, 1, 79, "storage_bytes")], Ct);
        await Stats.AddAsync([], [full], Ct);
        Assert.Equal(full, await Stats.FindLevelAsync(_a, Ct));
        var listed = await Stats.ListFullAsync(80, 1000, Ct);
        Assert.Contains(full, listed);
        Assert.DoesNotContain(listed, level => level.Tenant == _b);
        Assert.Null(await Stats.FindLevelAsync(Id<Tenant>.New(), Ct));
    }
}
