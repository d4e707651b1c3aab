using Insula.Tenancy.Plans;
using Insula.Tenancy.Quotas;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Agents.Quotas;

/// <summary>How much a tenant has of what its quotas count in its own store.</summary>
/// <param name="Agents">Not archived.</param>
/// <param name="Concepts">Passages of all sources.</param>
/// <param name="StorageBytes">Bytes of all sources.</param>
/// <param name="RunsAtWork">Runs that a worker has.</param>
public sealed record QuotaUse(long Sessions, long Agents, long Schedules, long Concepts, long StorageBytes, long RunsAtWork)
{
    /// <summary>Beside what is allowed.</summary>
    public IReadOnlyList<QuotaLevel> Against(Limits limits) =>
    [
        new(QuotaLevel.Passing, RunsAtWork, limits.ConcurrentRuns),
        new("sessions", Sessions, limits.Sessions),
        new("agents", Agents, limits.Agents),
        new("schedules", Schedules, limits.Schedules),
        new("concepts", Concepts, limits.Concepts),
        new("storage_bytes", StorageBytes, limits.StorageBytes),
    ];
}

public static class QuotaRegistration
{
    /// <summary>Adds the tenant store's quotas to the list of limits.</summary>
    public static IServiceCollection AddQuotas(this IServiceCollection services) => services.AddSingleton<LimitSource>(static sp =>
    {
        var stores = sp.GetRequiredService<ITenantStores>();
        return async (asked, ct) =>
        {
            await using var store = await stores.OpenAsync(asked.Scope, ct);
            var use = await store.CountAsync(ct);
            return [.. use.Against(asked.Limits).Select(quota => LimitState.OfQuota(asked, quota, UnitOf(quota.Name)))];
        };
    });

    private static string UnitOf(string quota) => quota switch
    {
        QuotaLevel.Passing => "runs",
        "storage_bytes" => "bytes",
        _ => quota,
    };
}
