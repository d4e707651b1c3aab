using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;

namespace Insula.Tenancy.Stats;

/// <param name="Level">Null when nobody looked yet.</param>
public sealed record TenantStats(Tenant Tenant, IReadOnlyList<TrafficDay> Days, UsageSum Used, TenantLevel? Level);

public sealed record PlatformStats(
    TrafficSum Traffic, long StoredBytes, IReadOnlyList<TenantTraffic> Busiest, IReadOnlyList<TenantUsage> Dearest, IReadOnlyList<TenantLevel> Full);

/// <summary>How tenants fare: one, for itself or the operator; all together, for the operator. What happened in the last minute may be missing.</summary>
public sealed class ShowStats(IStatsStore stats, IUsageLedger ledger, ITenantDirectory directory, TenantStandings standings, TimeProvider time)
{
    /// <summary>From so much of a quota on, a tenant is listed as nearly full.</summary>
    public const int NearlyFullPercent = 80;

    public const int DaysDefault = 30;
    public const int DaysMax = 366;
    private const int ListMax = 20;

    public async Task<Result<TenantStats>> RunAsync(TenantScope scope, Id<Tenant> tenant, int days, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Read) is { } missing) return missing;
        return scope.Tenant == tenant ? await OfTenantAsync(tenant, days, ct) : Fault.NotFound("tenant");
    }

    public Task<Result<TenantStats>> RunAsync(OperatorScope scope, Id<Tenant> tenant, int days, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return OfTenantAsync(tenant, days, ct);
    }

    public async Task<PlatformStats> RunAsync(OperatorScope scope, int days, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        var (from, to) = Range(days);
        var (traffic, stored) = await stats.TotalAsync(from, to, ct);
        return new PlatformStats(
            traffic, stored, await stats.BusiestAsync(from, to, ListMax, ct), await ledger.TopAsync(from, to, ListMax, ct), await FullAsync(ct));
    }

    private async Task<Result<TenantStats>> OfTenantAsync(Id<Tenant> id, int days, CancellationToken ct)
    {
        if (await directory.FindAsync(id, ct) is not { } tenant) return Fault.NotFound("tenant");
        var (from, to) = Range(days);
        var used = await ledger.DaysAsync(id, from, to, ct);
        return new TenantStats(
            tenant, await stats.DaysAsync(id, from, to, ct), used.Aggregate(UsageSum.Nothing, static (sum, day) => sum + day.Sum), await stats.FindLevelAsync(id, ct) is { } level ? await JudgeAsync(level, ct) : null);
    }

    private async Task<IReadOnlyList<TenantLevel>> FullAsync(CancellationToken ct)
    {
        List<TenantLevel> full = [];
        foreach (var level in await stats.ListFullAsync(NearlyFullPercent, ListMax * 5, ct))
        {
            var judged = await JudgeAsync(level, ct);
            if (judged.Percent >= NearlyFullPercent) full.Add(judged);
        }

        return [.. full.OrderByDescending(static level => level.Percent)];
    }

    /// <summary>The limits may have changed since somebody looked.</summary>
    private async Task<TenantLevel> JudgeAsync(TenantLevel level, CancellationToken ct) =>
        await standings.FindAsync(level.Tenant, ct) is { } standing ? level.Beside(standing.Limits, time.GetUtcNow()) : level;

    private (DateOnly From, DateOnly To) Range(int days)
    {
        var to = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime).AddDays(1);
        return (to.AddDays(-Math.Clamp(days, 1, DaysMax)), to);
    }
}
