using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Usage;

/// <summary>
/// Sets what tenants kept beside the limits in force, about every minute, and so tells those that came near a quota because it
/// was lowered. A tenant at rest is not measured, yet its plan, its overrides and its add-ons change; nobody's store is opened.
/// </summary>
public sealed class JudgeTenants(IStatsStore store, PlanCatalog plans, TimeProvider time, ILogger<JudgeTenants> log)
{
    private const int PageMax = 500;

    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    /// <summary>Judges until the token ends.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Period, time, stopping);
                await JudgeAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                UsageLog.NotJudged(log, error);
            }
        }
    }

    internal async Task JudgeAsync(CancellationToken ct)
    {
        Id<Tenant>? after = null;
        while (true)
        {
            var page = await store.ListLevelsAsync(after, PageMax, ct);
            List<TenantLevel> changed = [];
            foreach (var (tenant, level) in page)
            {
                var now = time.GetUtcNow();
                var judged = level?.Beside(plans.LimitsOf(tenant, now), now);
                if (judged is not null && !ReferenceEquals(judged, level)) changed.Add(judged);
            }

            if (changed.Count > 0) await store.AddAsync([], changed, ct);
            if (page.Count < PageMax) return;
            after = page[^1].Tenant.Id;
        }
    }
}
