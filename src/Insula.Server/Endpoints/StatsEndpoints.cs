using System.Globalization;
using Insula.Server.Http;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;

namespace Insula.Server.Endpoints;

/// <summary>How tenants fare: a tenant sees itself, the operator each and all.</summary>
internal static class StatsEndpoints
{
    public static void MapStats(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/v1/tenants/{id}/stats", OfTenantAsync).RequireAnyone(Permissions.Read, CallClass.Reads).WithTags("stats")
            .Gives<TenantStatsView>().WithName("tenant_stats").WithSummary("A tenant's requests, latency, usage and storage over the last days (days=1 to 366, 30 when left out)");
        routes.MapGet("/api/v1/stats", OfPlatformAsync).RequireOperator().WithTags("stats")
            .Gives<PlatformStatsView>().WithName("platform_stats").WithSummary("All tenants' requests and storage over the last days, with the busiest, the dearest and those near a quota");
    }

    private static async Task<IResult> OfTenantAsync(HttpContext http, string id, ShowStats show, CancellationToken ct)
    {
        if (RouteIds.Find<Tenant>(id, "tenant").Failed(out var fault, out var tenant)) return Answers.Of(fault);
        if (DaysOf(http.Request.Query).Failed(out fault, out var days)) return Answers.Of(fault);
        var shown = http.Caller() is SignedInTenant caller ? await show.RunAsync(caller.Scope, tenant, days, ct) : await show.RunAsync(http.OperatorScope(), tenant, days, ct);
        return Answers.Of(shown, static stats => Answers.Ok(TenantStatsView.Of(stats)));
    }

    private static async Task<IResult> OfPlatformAsync(HttpContext http, ShowStats show, CancellationToken ct) => DaysOf(http.Request.Query).Failed(out var fault, out var days)
        ? Answers.Of(fault)
        : Answers.Ok(PlatformStatsView.Of(await show.RunAsync(http.OperatorScope(), days, ct)));

    private static Result<int> DaysOf(IQueryCollection query) => query["days"] switch
    {
        [] => ShowStats.DaysDefault,
        [{ } text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var days) && days is >= 1 and <= ShowStats.DaysMax => days,
        _ => Fault.Invalid("days", $"days must be one whole number from 1 to {ShowStats.DaysMax}."),
    };
}

/// <param name="Denied">Refused because of a limit, a budget or a missing right.</param>
/// <param name="AverageLatencyMs">Of requests that are no streams; null when there were none.</param>
internal sealed record TrafficView(long Requests, long Allowed, long Denied, double? AverageLatencyMs)
{
    public static TrafficView Of(TrafficSum sum) => new(sum.Requests, sum.Allowed, sum.Denied, sum.AverageLatencyMs);
}

internal sealed record TrafficDayView(DateOnly Day, long Requests, long Allowed, long Denied, double? AverageLatencyMs);

/// <param name="Percent">How much is used of the quota that is used most.</param>
/// <param name="Quota">That quota.</param>
/// <param name="NearQuota">All quotas of which 80 % or more is used, the fullest first.</param>
/// <param name="MeasuredAt">The tenant is looked at in minutes in which it asks for something or a run of it works.</param>
internal sealed record LevelView(Id<Tenant> TenantId, long StorageBytes, long Concepts, long Percent, string Quota, IReadOnlyList<QuotaLevelView> NearQuota, DateTimeOffset MeasuredAt)
{
    public static LevelView Of(TenantLevel level) => new(
        level.Tenant, level.StoredBytes, level.Concepts, level.Percent, level.Fullest, [.. level.NearlyFull.Select(static quota => new QuotaLevelView(quota.Name, quota.Used, quota.Max, quota.Percent))], level.At);
}

/// <param name="Quota">As plans and overrides name it: concurrent_runs, sessions, agents, keys, schedules, concepts or storage_bytes.</param>
internal sealed record QuotaLevelView(string Quota, long Used, long Limit, long Percent);

/// <param name="Storage">Null when the tenant asked for nothing yet.</param>
internal sealed record TenantStatsView(Id<Tenant> TenantId, TrafficView Traffic, IReadOnlyList<TrafficDayView> Days, UsageGroupView Usage, LevelView? Storage)
{
    public static TenantStatsView Of(TenantStats stats) => new(
        stats.Tenant.Id,
        TrafficView.Of(stats.Days.Aggregate(TrafficSum.Nothing, static (sum, day) => sum + day.Sum)),
        [.. stats.Days.Select(static day => new TrafficDayView(day.Day, day.Sum.Requests, day.Sum.Allowed, day.Sum.Denied, day.Sum.AverageLatencyMs))],
        UsageGroupView.Of(new UsageGroup("total", stats.Used)),
        stats.Level is { } level ? LevelView.Of(level) : null);
}

/// <param name="Busiest">The tenants with most requests.</param>
/// <param name="Dearest">The tenants whose usage cost most.</param>
/// <param name="NearQuota">Tenants that have used 80 % or more of a quota.</param>
internal sealed record PlatformStatsView(
    TrafficView Traffic, long StorageBytes, IReadOnlyList<TenantTrafficView> Busiest, IReadOnlyList<TenantCostView> Dearest, IReadOnlyList<LevelView> NearQuota)
{
    public static PlatformStatsView Of(PlatformStats stats) => new(
        TrafficView.Of(stats.Traffic),
        stats.StoredBytes,
        [.. stats.Busiest.Select(static one => new TenantTrafficView(one.Tenant, one.Sum.Requests, one.Sum.Allowed, one.Sum.Denied, one.Sum.AverageLatencyMs))],
        [.. stats.Dearest.Select(static one => new TenantCostView(one.Tenant, one.Sum.Items, one.Sum.CostMicros, one.Sum.Unpriced))],
        [.. stats.Full.Select(static level => LevelView.Of(level))]);
}

internal sealed record TenantTrafficView(Id<Tenant> TenantId, long Requests, long Allowed, long Denied, double? AverageLatencyMs);

internal sealed record TenantCostView(Id<Tenant> TenantId, long Items, long CostMicros, long Unpriced);
