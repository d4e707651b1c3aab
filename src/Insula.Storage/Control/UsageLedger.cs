using System.Security.Cryptography;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;

namespace Insula.Storage.Control;

/// <param name="signals">Null where nobody listens.</param>
internal sealed class UsageLedger(ControlDatabase control, TimeProvider time, BudgetSignals? signals = null) : IUsageLedger
{
    public async Task<int> AddAsync(Id<Tenant> tenant, IReadOnlyList<UsageEntry> entries, CancellationToken ct)
    {
        var (added, notices) = await AddAndSettleAsync(tenant, entries, ct);
        signals?.Say(notices);
        return added;
    }

    private Task<(int Added, IReadOnlyList<BudgetNotice> Notices)> AddAndSettleAsync(Id<Tenant> tenant, IReadOnlyList<UsageEntry> entries, CancellationToken ct) => control.Platform.WriteAsync(
        async link =>
        {
            // One shipper of a tenant at a time: whatever another one is adding is either there or not begun.
            link.Alone($"usage {tenant}");
            var added = await UsageRows.InsertAsync(link, tenant, entries);
            var notices = await HoldRows.SettleAsync(
                link, tenant, [.. added.Select(static entry => new SettledUsage(Id<Hold>.Parse(entry.Id), entry.Agent, entry.Session, entry.CostMicros ?? 0))], time.GetUtcNow());
            return (added.Count, notices);
        },
        ct);

    public async Task<IReadOnlyList<UsageMark>> ListMarkedAsync(DateTimeOffset before, int limit, CancellationToken ct) => await control.Platform.AllAsync(
        UsageSql.ListMarked, static row => new UsageMark(row.Id<Tenant>(0), row.GetInt64(1)), ct, ("@before", Instant.ToNumber(before)), ("@limit", limit));

    public Task UnmarkAsync(UsageMark mark, CancellationToken ct) => control.For(mark.Tenant).ChangeAsync(
        UsageSql.Unmark, ct, ("@tenant_id", mark.Tenant.ToString()), ("@mark", mark.Mark));

    public Task MarkQueuedAsync(CancellationToken ct) => control.Platform.ChangeAsync(
        UsageSql.MarkQueued, ct, ("@mark", NewMark()), ("@now", Instant.ToNumber(time.GetUtcNow())));

    public async Task<UsageMarks> CountMarkedAsync(CancellationToken ct) =>
        (await control.Platform.FirstAsync(UsageSql.CountMarked, static row => new UsageMarks(row.GetInt64(0), row.MomentOrNull(1)), ct))!;

    public Task<bool> IsBehindAsync(Id<Tenant> tenant, CancellationToken ct) =>
        control.For(tenant).FirstAsync(UsageSql.CountBehind, static row => row.GetInt64(0) > 0, ct, ("@tenant_id", tenant.ToString()));

    public async Task<Page<UsageGroup>> GroupAsync(Id<Tenant> tenant, UsageFilter filter, UsageGrouping by, PageRequest page, CancellationToken ct)
    {
        var list = $"usage {tenant} {by} {filter}";
        var after = Cursor.Of(page, list, Cursor.Bottom);
        var rows = await control.For(tenant).AllAsync(
            StatementOf(by),
            row => new UsageGroup(row.GetString(0), ReadSum(row, 1)),
            ct,
            [.. ValuesOf(tenant, filter), ("@after", after == Cursor.Bottom ? null : after.Id), ("@limit", page.Limit + 1)]);
        var cut = Pages.Cut(rows, page.Limit, last => new Cursor(0, last.Key).ToText(list));
        return by != UsageGrouping.Day ? cut : cut with { Items = [.. cut.Items.Select(static group => group with { Key = $"{DayOf(long.Parse(group.Key)):yyyy-MM-dd}" })] };
    }

    public async Task<UsageSum> SumAsync(Id<Tenant> tenant, UsageFilter filter, CancellationToken ct) =>
        (await control.For(tenant).FirstAsync(UsageSql.Sum, static row => ReadSum(row, 0), ct, [.. ValuesOf(tenant, filter)]))!;

    public async Task<IReadOnlyList<UsageDay>> DaysAsync(Id<Tenant> tenant, DateOnly from, DateOnly to, CancellationToken ct) => await control.For(tenant).AllAsync(
        UsageSql.Days,
        static row => new UsageDay(DayOf(row.GetInt64(0)), row.GetString(1), row.GetString(2), ReadSum(row, 3)),
        ct,
        ("@tenant_id", tenant.ToString()),
        ("@from_day", NumberOf(from)),
        ("@to_day", NumberOf(to)));

    public async Task<IReadOnlyList<TenantUsage>> TopAsync(DateOnly from, DateOnly to, int limit, CancellationToken ct) => await control.Platform.AllAsync(
        UsageSql.Top, static row => new TenantUsage(row.Id<Tenant>(0), ReadSum(row, 1)), ct, ("@from_day", NumberOf(from)), ("@to_day", NumberOf(to)), ("@limit", limit));

    /// <summary>Says in the unit's own transaction that the tenant may have usage which is not in the ledger.</summary>
    public static void Mark(Link link, Id<Tenant> tenant, DateTimeOffset now) =>
        link.Post(UsageSql.Mark, ("@tenant_id", tenant.ToString()), ("@mark", NewMark()), ("@now", Instant.ToNumber(now)));

    internal static long NumberOf(DateOnly day) => day.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;

    internal static DateOnly DayOf(long number) => DateOnly.FromDateTime(DateTime.UnixEpoch).AddDays((int)number);

    /// <summary>By chance, so that it does not come again: one that counted from its row's beginning would, after the row was taken away.</summary>
    private static long NewMark() => BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8));

    private static (string Name, object? Value)[] ValuesOf(Id<Tenant> tenant, UsageFilter filter) =>
    [
        ("@tenant_id", tenant.ToString()),
        ("@from_at", Instant.ToNumber(filter.From)),
        ("@to_at", Instant.ToNumber(filter.To)),
        ("@agent_id", filter.Agent),
        ("@model", filter.Model),
        ("@session_id", filter.Session),
        ("@run_id", filter.Run),
        ("@principal", filter.Key is { } key ? $"key:{key}" : null),
        ("@member_id", filter.Member),
    ];

    private static string StatementOf(UsageGrouping by) => by switch
    {
        UsageGrouping.Day => UsageSql.ByDay,
        UsageGrouping.Agent => UsageSql.ByAgent,
        UsageGrouping.Model => UsageSql.ByModel,
        UsageGrouping.Key => UsageSql.ByKey,
        UsageGrouping.Member => UsageSql.ByMember,
        UsageGrouping.Session => UsageSql.BySession,
        UsageGrouping.Run => UsageSql.ByRun,
        UsageGrouping.Kind => UsageSql.ByKind,
        _ => throw new ArgumentOutOfRangeException(nameof(by), by, "Not a grouping."),
    };

    private static UsageSum ReadSum(DbDataReader row, int first) => new(
        row.GetInt64(first),
        row.GetInt64(first + 1),
        row.GetInt64(first + 2),
        row.GetInt64(first + 3),
        row.GetInt64(first + 4),
        row.GetInt64(first + 5),
        row.GetInt64(first + 6),
        row.GetInt64(first + 7));
}
