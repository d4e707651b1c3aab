using Insula.Agents.Quotas;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Usage;

/// <summary>
/// Takes this node's counts of requests to the store about every minute, and looks how far those tenants use their quotas that
/// were active on it. Nobody else's store is opened. What cannot be stored is counted on.
/// </summary>
public sealed class FlushStats(Traffic traffic, IStatsStore store, MeasureTenant measure, TimeProvider time, ILogger<FlushStats> log)
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
            return await measure.RunAsync(tenant, ct);
        }
        catch (Exception error) when (!ct.IsCancellationRequested)
        {
            UsageLog.NotMeasured(log, error, tenant);
            return null;
        }
    }
}
