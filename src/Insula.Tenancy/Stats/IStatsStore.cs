using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Stats;

/// <summary>Counts of requests over all nodes, and what tenants keep. Part of the control-store seam. Nothing is billed by it.</summary>
public interface IStatsStore
{
    /// <summary>Adds to the days' counts, and puts the levels in the place of those before that are not newer, in one transaction.</summary>
    Task AddAsync(IReadOnlyList<(Id<Tenant> Tenant, DateOnly Day, TrafficSum Sum)> traffic, IReadOnlyList<TenantLevel> levels, CancellationToken ct);

    /// <param name="to">The first day after.</param>
    Task<IReadOnlyList<TrafficDay>> DaysAsync(Id<Tenant> tenant, DateOnly from, DateOnly to, CancellationToken ct);

    Task<TenantLevel?> FindLevelAsync(Id<Tenant> tenant, CancellationToken ct);

    /// <summary>Those that have used so much of a quota, the fullest first.</summary>
    Task<IReadOnlyList<TenantLevel>> ListFullAsync(int percent, int limit, CancellationToken ct);

    /// <summary>Tenants in the order of their ids, each with what it kept when it was looked at; null when nobody looked yet.</summary>
    Task<IReadOnlyList<(Tenant Tenant, TenantLevel? Level)>> ListLevelsAsync(Id<Tenant>? after, int limit, CancellationToken ct);

    /// <summary>All tenants together.</summary>
    Task<(TrafficSum Traffic, long StoredBytes)> TotalAsync(DateOnly from, DateOnly to, CancellationToken ct);

    /// <summary>The tenants with most requests in these days.</summary>
    Task<IReadOnlyList<TenantTraffic>> BusiestAsync(DateOnly from, DateOnly to, int limit, CancellationToken ct);
}

public sealed record TrafficDay(DateOnly Day, TrafficSum Sum);

public sealed record TenantTraffic(Id<Tenant> Tenant, TrafficSum Sum);

/// <summary>What a tenant kept when it was looked at, beside the limits of then or of a later moment.</summary>
/// <param name="StoredBytes">Of content.</param>
/// <param name="Percent">How much of the quota is used that is used most.</param>
/// <param name="Fullest">The name of that quota.</param>
public sealed record TenantLevel(Id<Tenant> Tenant, DateTimeOffset At, long StoredBytes, long Concepts, long Percent, string Fullest)
{
    /// <summary>All quotas, the fullest first. A look of an older version left only those that were nearly full.</summary>
    public IReadOnlyList<QuotaLevel> Quotas { get; init; } = [];

    /// <summary>The quotas that are used to <see cref="ShowStats.NearlyFullPercent"/> or more, the fullest first.</summary>
    public IReadOnlyList<QuotaLevel> NearlyFull => [.. Quotas.Where(static quota => quota.Percent >= ShowStats.NearlyFullPercent)];

    /// <summary>When it was set beside the limits. Not kept.</summary>
    public DateTimeOffset JudgedAt { get; init; } = At;

    public static TenantLevel Of(Id<Tenant> tenant, DateTimeOffset at, long storedBytes, long concepts, IEnumerable<QuotaLevel> quotas)
    {
        List<QuotaLevel> fullestFirst = [.. quotas.OrderByDescending(static quota => quota.Percent)];
        return new(tenant, at, storedBytes, concepts, fullestFirst[0].Percent, fullestFirst[0].Name) { Quotas = fullestFirst };
    }

    /// <summary>What was found, beside the limits of now; this very one when they are the same.</summary>
    public TenantLevel Beside(Limits limits, DateTimeOffset now)
    {
        var whole = LimitRule.Whole(limits);
        List<QuotaLevel> quotas = [.. Quotas.Select(quota => quota.Beside(whole))];
        return quotas.SequenceEqual(Quotas) ? this : Of(Tenant, At, StoredBytes, Concepts, quotas) with { JudgedAt = now };
    }
}
