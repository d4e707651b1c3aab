using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Webhooks;

namespace Insula.Storage.Control;

/// <summary>
/// Holds and what becomes of them, inside the unit of whoever asks: that unit sees the platform's rows too, so it is one of
/// <see cref="ControlDatabase.Platform"/>. A row of a budget changes only in the hand of a unit that took it.
/// </summary>
internal static class HoldRows
{
    private static readonly Principal Ledger = new("system", "ledger");

    /// <summary>The budgets of these keys that stand, held until the unit ends.</summary>
    public static ValueTask<List<BudgetRow>> TakeAsync(Link link, Id<Tenant> tenant, IEnumerable<string> keys, DateTimeOffset now) =>
        ReadAsync(link, tenant, keys, now, BudgetSql.TakePathPostgres);

    /// <summary>The budgets of these keys that stand, to look at.</summary>
    public static ValueTask<List<BudgetRow>> LookAsync(Link link, Id<Tenant> tenant, IEnumerable<string> keys, DateTimeOffset now) =>
        ReadAsync(link, tenant, keys, now, BudgetSql.PathPostgres);

    /// <summary>
    /// Puts real costs in the place of holds. They count on the budgets that stand now, whether or not the step knew of them;
    /// a usage that was settled before is the caller's to leave out.
    /// </summary>
    public static ValueTask<IReadOnlyList<BudgetNotice>> SettleAsync(Link link, Id<Tenant> tenant, IReadOnlyList<SettledUsage> usage, DateTimeOffset now) =>
        EndAsync(link, tenant, [.. usage.Select(static one => one.Id.ToString())], usage, now);

    /// <summary>The values of a statement that asks for a path.</summary>
    public static (string Name, object? Value)[] PathOf(Id<Tenant> tenant, IEnumerable<string> keys)
    {
        var given = keys.ToList();
        if (given.Count > HoldRequest.PathMax) throw new ArgumentException($"A path has {HoldRequest.PathMax} nodes at most.", nameof(keys));
        return [("@tenant_id", tenant.ToString()), .. Enumerable.Range(0, HoldRequest.PathMax).Select(i => ($"@b{i + 1}", (object?)given.ElementAtOrDefault(i) ?? ""))];
    }

    public static async ValueTask ReleaseAsync(Link link, Id<Tenant> tenant, IReadOnlyCollection<Id<Hold>> holds, DateTimeOffset now) =>
        await EndAsync(link, tenant, [.. holds.Select(static hold => hold.ToString())], [], now);

    /// <summary>For a file, which has one writer.</summary>
    public static async ValueTask<bool> LowerAsync(Link link, Id<Tenant> tenant, Id<Hold> id, long micros, DateTimeOffset now)
    {
        (string Name, object? Value)[] one = [("@tenant_id", tenant.ToString()), ("@hold_id", id.ToString())];
        if (await link.FirstAsync(BudgetSql.FindHoldSqlite, StandingHold.Read, one) is not { } hold || hold.Micros <= micros) return false;
        foreach (var row in await TakeAsync(link, tenant, hold.Path.Select(static entry => entry.Key), now))
        {
            if (hold.IsBorneBy(row)) (row with { Budget = row.Budget with { HeldMicros = row.Budget.HeldMicros - (hold.Micros - micros) } }).Write(link);
        }

        link.Post(BudgetSql.LowerHoldSqlite, [.. one, ("@micros", micros)]);
        return true;
    }

    private static async ValueTask<List<BudgetRow>> ReadAsync(Link link, Id<Tenant> tenant, IEnumerable<string> keys, DateTimeOffset now, string postgres)
    {
        List<BudgetRow> rows = [];
        foreach (var some in keys.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Chunk(HoldRequest.PathMax))
        {
            var values = PathOf(tenant, some);
            rows.AddRange(link.Dialect == Dialect.Sqlite
                ? await link.AllAsync(BudgetSql.TakePathSqlite, BudgetRow.Read, [.. values, ("@now", Instant.ToNumber(now))])
                : await link.AllAsync(postgres, BudgetRow.Read, values));
        }

        return rows;
    }

    private static async ValueTask<IReadOnlyList<BudgetNotice>> EndAsync(Link link, Id<Tenant> tenant, IReadOnlyList<string> holds, IReadOnlyList<SettledUsage> usage, DateTimeOffset now)
    {
        if (holds.Count == 0) return [];
        var ended = await link.AllAsync(
            link.Dialect == Dialect.Sqlite ? BudgetSql.EndHoldsSqlite : BudgetSql.EndHoldsPostgres,
            StandingHold.Read,
            ("@tenant_id", tenant.ToString()),
            ("@holds", Rows.ToList(link, holds, static hold => hold)));
        var paths = ended.ToDictionary(static hold => hold.Id, static hold => hold.Path.Select(static entry => entry.Key).ToList(), StringComparer.Ordinal);
        List<(string Key, long Micros)> spent = [.. usage.Where(static one => one.Micros > 0)
            .SelectMany(one => PathOf(tenant, one).Union(paths.GetValueOrDefault(one.Id.ToString()) ?? [], StringComparer.Ordinal).Select(key => (key, one.Micros)))];
        var rows = await TakeAsync(link, tenant, [.. ended.SelectMany(static hold => hold.Path).Select(static entry => entry.Key), .. spent.Select(static cost => cost.Key)], now);
        List<BudgetNotice> notices = [];
        foreach (var row in rows)
        {
            var freed = ended.Where(hold => hold.IsBorneBy(row)).Sum(static hold => hold.Micros);
            var cost = spent.Where(one => string.Equals(one.Key, row.Budget.Key.ToString(), StringComparison.Ordinal)).Sum(static one => one.Micros);
            var counted = row with { Budget = row.Budget with { HeldMicros = row.Budget.HeldMicros - freed, SpentMicros = row.Budget.SpentMicros + cost } };
            Notice(link, counted, notices);
        }

        return notices;
    }

    private static void Notice(Link link, BudgetRow row, List<BudgetNotice> notices)
    {
        foreach (var percent in row.Reached().ToList())
        {
            var budget = row.Budget;
            notices.Add(new BudgetNotice(budget, percent, row.Now));
            link.Post(
                BudgetSql.AddNotice,
                ("@tenant_id", row.TenantKey),
                ("@notice_id", Id<BudgetNoticeId>.New().ToString()),
                ("@budget_id", budget.Key.ToString()),
                ("@percent", percent),
                ("@limit_micros", budget.LimitMicros),
                ("@spent_micros", budget.SpentMicros),
                ("@at", Instant.ToNumber(row.Now)));
            AuditLog.Append(link, new AuditRecord(budget.Tenant, Ledger, "budget.threshold", budget.Key.ToString(), $"{percent} % of {budget.LimitMicros} micro-dollars", row.Now));
            if (budget.Tenant is { } told) Tell(link, told, budget, percent, row.Now);
            row = row with { Notified = percent };
        }

        row.Write(link);
    }

    private static void Tell(Link link, Id<Tenant> tenant, Budget budget, int percent, DateTimeOffset now) => WebhookRows.Put(
        link,
        tenant,
        percent >= 100 ? WebhookEvents.BudgetExhausted : WebhookEvents.BudgetThreshold,
        $"{budget.Key} {now.UtcTicks} {percent}",
        new Dictionary<string, object?>
        {
            ["budget"] = budget.Key.ToString(),
            ["percent"] = percent,
            ["limit_micros"] = budget.LimitMicros,
            ["spent_micros"] = budget.SpentMicros,
            ["resets_at"] = budget.ResetsAt,
        },
        now);

    private static List<string> PathOf(Id<Tenant> tenant, SettledUsage usage) =>
    [
        BudgetKey.Platform.ToString(),
        BudgetKey.Of(tenant).ToString(),
        new BudgetKey(BudgetScope.Agent, usage.Agent).ToString(),
        new BudgetKey(BudgetScope.Session, usage.Session).ToString(),
        new BudgetKey(BudgetScope.SessionOwn, usage.Session).ToString(),
    ];

    private readonly record struct PathEntry(string Key, long Mark)
    {
        public static PathEntry Parse(string text)
        {
            var at = text.LastIndexOf('@');
            return new(text[..at], long.Parse(text.AsSpan(at + 1)));
        }
    }

    private sealed record StandingHold(string Id, long Micros, IReadOnlyList<PathEntry> Path)
    {
        public static StandingHold Read(DbDataReader row) => new(row.GetString(0), row.GetInt64(1), [.. row.GetString(2).Split(' ').Select(PathEntry.Parse)]);

        public bool IsBorneBy(BudgetRow budget) => Path.Contains(new PathEntry(budget.Budget.Key.ToString(), budget.Mark));
    }

    private sealed class BudgetNoticeId : IIdentified
    {
        private BudgetNoticeId()
        {
        }

        public static string IdPrefix => "bnot";
    }
}
