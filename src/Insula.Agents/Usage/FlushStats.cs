using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Time;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Usage;

/// <summary>
/// Takes this node's counts of requests to the store about every minute, and looks how much those tenants keep that asked for
/// anything. What cannot be stored is counted on.
/// </summary>
public sealed class FlushStats(Traffic traffic, IStatsStore store, ITenantStores stores, TenantStandings standings, TimeProvider time, ILogger<FlushStats> log)
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    /// <summary>Flushes until the token ends, and once more then.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Period, time, stopping);
                await FlushAsync(stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await FlushAsync(CancellationToken.None);
        }
    }

    /// <summary>Never fails for a store that is away.</summary>
    internal async Task FlushAsync(CancellationToken ct)
    {
        var counted = traffic.Take();
        if (counted.Count == 0) return;
        try
        {
            List<TenantLevel> levels = [];
            foreach (var tenant in counted.Select(static one => one.Tenant).Distinct())
            {
                if (await LevelAsync(tenant, ct) is { } level) levels.Add(level);
            }

            await store.AddAsync(counted, levels, ct);
        }
        catch (Exception error)
        {
            traffic.Return(counted);
            if (error is OperationCanceledException && ct.IsCancellationRequested) throw;
            UsageLog.StatsNotStored(log, error);
        }
    }

    /// <summary>Null when the tenant is gone or its store is away: its counts are worth more than its level.</summary>
    private async Task<TenantLevel?> LevelAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        try
        {
            if (await standings.FindAsync(tenant, ct) is not { } standing) return null;
            await using var opened = await stores.OpenAsync(SystemTask.Meter.For(tenant), ct);
            var kept = await opened.Usage.MeasureAsync(ct);
            (string Name, long Used, long Max)[] quotas = [("concepts", kept.Concepts, standing.Limits.Concepts), ("storage_bytes", kept.StoredBytes, standing.Limits.StorageBytes)];
            var fullest = quotas.MaxBy(static quota => PercentOf(quota.Used, quota.Max));
            return new TenantLevel(tenant, time.NowInMicroseconds(), kept.StoredBytes, kept.Concepts, PercentOf(fullest.Used, fullest.Max), fullest.Name);
        }
        catch (Exception error) when (!ct.IsCancellationRequested)
        {
            UsageLog.NotMeasured(log, error, tenant);
            return null;
        }
    }

    private static long PercentOf(long used, long max) => (long)Int128.Min((Int128)used * 100 / Math.Max(1, max), long.MaxValue);
}
