using Insula.Tenancy.Quotas;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Agents.Quotas;

/// <summary>How much a tenant has of what its quotas count in its own store.</summary>
/// <param name="Agents">Not archived.</param>
/// <param name="Concepts">Passages of all sources.</param>
/// <param name="StorageBytes">Bytes of all sources.</param>
/// <param name="RunsAtWork">Runs that a worker has.</param>
public sealed record QuotaUse(long Sessions, long Agents, long Schedules, long Concepts, long StorageBytes, long RunsAtWork);

public static class QuotaRegistration
{
    /// <summary>Adds the tenant store's quotas to the list of limits.</summary>
    public static IServiceCollection AddQuotas(this IServiceCollection services) => services.AddSingleton<LimitSource>(static sp =>
    {
        var stores = sp.GetRequiredService<ITenantStores>();
        return async (asked, ct) =>
        {
            await using var store = await stores.OpenAsync(asked.Scope, ct);
            var (use, limits) = (await store.CountAsync(ct), asked.Limits);
            return
            [
                LimitState.OfQuota(asked, "concurrent_runs", "runs", limits.ConcurrentRuns, use.RunsAtWork),
                LimitState.OfQuota(asked, "sessions", "sessions", limits.Sessions, use.Sessions),
                LimitState.OfQuota(asked, "agents", "agents", limits.Agents, use.Agents),
                LimitState.OfQuota(asked, "schedules", "schedules", limits.Schedules, use.Schedules),
                LimitState.OfQuota(asked, "concepts", "concepts", limits.Concepts, use.Concepts),
                LimitState.OfQuota(asked, "storage_bytes", "bytes", limits.StorageBytes, use.StorageBytes),
            ];
        };
    });
}
