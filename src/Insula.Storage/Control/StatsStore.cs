using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Quotas;
using Insula.Tenancy.Stats;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Webhooks;

namespace Insula.Storage.Control;

internal sealed class StatsStore(ControlDatabase control) : IStatsStore
{
    public Task AddAsync(IReadOnlyList<(Id<Tenant> Tenant, DateOnly Day, TrafficSum Sum)> traffic, IReadOnlyList<TenantLevel> levels, CancellationToken ct) => control.Platform.WriteAsync(
        async link =>
        {
            // In one order, so that nodes that flush at the same time wait for each other and do not deadlock.
            foreach (var (tenant, day, sum) in traffic.OrderBy(static one => one.Tenant.Value).ThenBy(static one => one.Day))
            {
                link.Post(
                    StatsSql.AddToDay,
                    ("@tenant_id", tenant.ToString()),
                    ("@day", UsageLedger.NumberOf(day)),
                    ("@requests", sum.Requests),
                    ("@denied", sum.Denied),
                    ("@timed", sum.Timed),
                    ("@latency_micros", sum.LatencyMicros));
            }

            foreach (var level in levels.OrderBy(static level => level.Tenant.Value))
            {
                await TellAsync(link, level);
                link.Post(
                    StatsSql.PutLevel,
                    ("@tenant_id", level.Tenant.ToString()),
                    ("@at", Instant.ToNumber(level.At)),
                    ("@stored_bytes", level.StoredBytes),
                    ("@concepts", level.Concepts),
                    ("@percent", level.Percent),
                    ("@fullest", level.Fullest),
                    ("@nearly_full", Rows.ToJson(level.NearlyFull)),
                    ("@quotas", Rows.ToJson(level.Quotas)));
            }
        },
        ct);

    public async Task<IReadOnlyList<TrafficDay>> DaysAsync(Id<Tenant> tenant, DateOnly from, DateOnly to, CancellationToken ct) => await control.For(tenant).AllAsync(
        StatsSql.Days, static row => new TrafficDay(UsageLedger.DayOf(row.GetInt64(0)), ReadSum(row, 1)), ct, ("@tenant_id", tenant.ToString()), From(from), To(to));

    public Task<TenantLevel?> FindLevelAsync(Id<Tenant> tenant, CancellationToken ct) => control.For(tenant).FirstAsync(StatsSql.Level, ReadLevel, ct, ("@tenant_id", tenant.ToString()));

    public async Task<IReadOnlyList<TenantLevel>> ListFullAsync(int percent, int limit, CancellationToken ct) =>
        await control.Platform.AllAsync(StatsSql.Full, ReadLevel, ct, ("@percent", (long)percent), ("@limit", limit));

    public async Task<IReadOnlyList<(Tenant Tenant, TenantLevel? Level)>> ListLevelsAsync(Id<Tenant>? after, int limit, CancellationToken ct) => await control.Platform.ReadAsync<IReadOnlyList<(Tenant, TenantLevel?)>>(
        async link =>
        {
            (string, object?) from = ("@after", after?.ToString() ?? "");
            var tenants = await link.AllAsync(TenantSql.ByKey, TenantDirectory.Read, from, ("@limit", limit));
            if (tenants.Count == 0) return [];
            var levels = (await link.AllAsync(StatsSql.Levels, ReadLevel, from, ("@last", tenants[^1].Id.ToString()))).ToDictionary(static level => level.Tenant);
            return tenants.ConvertAll(tenant => (tenant, levels.GetValueOrDefault(tenant.Id)));
        },
        ct);

    public Task<(TrafficSum Traffic, long StoredBytes)> TotalAsync(DateOnly from, DateOnly to, CancellationToken ct) =>
        control.Platform.FirstAsync(StatsSql.Total, static row => (ReadSum(row, 0), row.GetInt64(4)), ct, From(from), To(to));

    public async Task<IReadOnlyList<TenantTraffic>> BusiestAsync(DateOnly from, DateOnly to, int limit, CancellationToken ct) => await control.Platform.AllAsync(
        StatsSql.Busiest, static row => new TenantTraffic(row.Id<Tenant>(0), ReadSum(row, 1)), ct, From(from), To(to), ("@limit", limit));

    /// <summary>Tells of each quota that is nearly full and was not at the look before.</summary>
    private static async ValueTask TellAsync(Link link, TenantLevel level)
    {
        var lasting = level.NearlyFull.Where(static quota => quota.Name != QuotaLevel.Passing).ToList();
        if (lasting.Count == 0) return;
        var before = await link.LockAsync(StatsSql.Level, ReadLevel, ("@tenant_id", level.Tenant.ToString()));
        if (before?.At > level.At) return;
        foreach (var quota in lasting.Where(quota => (before?.NearlyFull ?? []).All(old => old.Name != quota.Name)))
        {
            var data = new Dictionary<string, object>
            {
                ["quota"] = quota.Name,
                ["used"] = quota.Used,
                ["limit"] = quota.Max,
                ["percent"] = quota.Percent,
                ["storage_bytes"] = level.StoredBytes,
                ["concepts"] = level.Concepts,
            };
            WebhookRows.Put(link, level.Tenant, WebhookEvents.QuotaThreshold, $"{quota.Name} {level.JudgedAt.UtcTicks}", data, level.JudgedAt);
        }
    }

    private static (string Name, object? Value) From(DateOnly day) => ("@from_day", UsageLedger.NumberOf(day));

    private static (string Name, object? Value) To(DateOnly day) => ("@to_day", UsageLedger.NumberOf(day));

    private static TrafficSum ReadSum(DbDataReader row, int first) => new(row.GetInt64(first), row.GetInt64(first + 1), row.GetInt64(first + 2), row.GetInt64(first + 3));

    private static TenantLevel ReadLevel(DbDataReader row)
    {
        var quotas = row.Json<IReadOnlyList<QuotaLevel>>(7);
        return new(row.Id<Tenant>(0), row.Moment(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetString(5))
        {
            Quotas = quotas.Count > 0 ? quotas : row.Json<IReadOnlyList<QuotaLevel>>(6),
        };
    }
}
