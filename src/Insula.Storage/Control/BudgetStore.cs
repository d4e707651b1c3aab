using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class BudgetStore(ControlDatabase control, TimeProvider time) : IBudgetStore
{
    public async Task<IReadOnlyList<Budget>> InForceAsync(Id<Tenant> tenant, CancellationToken ct) => await control.Platform.ReadAsync(
        async link => BudgetsOf(await link.AllAsync(
            link.Dialect == Dialect.Sqlite ? BudgetSql.InForceSqlite : BudgetSql.InForcePostgres, BudgetRow.Read, AtNow(link, [("@tenant_id", tenant.ToString())]))),
        ct);

    public async Task<Page<Budget>> ListAsync(Id<Tenant>? tenant, BudgetScope? scope, PageRequest page, CancellationToken ct)
    {
        var list = $"budgets {BudgetRow.KeyOf(tenant)} {scope}";
        var after = Cursor.Of(page, list, Cursor.Bottom);
        var rows = await Of(tenant).ReadAsync(
            async link => BudgetsOf(await link.AllAsync(
                link.Dialect == Dialect.Sqlite ? BudgetSql.ListSqlite : BudgetSql.ListPostgres,
                BudgetRow.Read,
                AtNow(link, [("@tenant_id", BudgetRow.KeyOf(tenant)), ("@after", after.Id), ("@scope", scope is { } one ? Rows.ToName(one) : null), ("@limit", page.Limit + 1)]))),
            ct);
        return Pages.Cut(rows, page.Limit, last => new Cursor(0, last.Key.ToString()).ToText(list));
    }

    public async Task<IReadOnlyList<Budget>> OnPathAsync(Id<Tenant> tenant, IReadOnlyList<BudgetKey> path, CancellationToken ct) => await control.Platform.ReadAsync(
        async link => BudgetsOf(await HoldRows.LookAsync(link, tenant, path.Select(static key => key.ToString()), time.GetUtcNow())), ct);

    public async Task<Budget?> FindAsync(Id<Tenant>? tenant, BudgetKey key, CancellationToken ct) =>
        (await Of(tenant).ReadAsync(link => link.FirstAsync(link.Dialect == Dialect.Sqlite ? BudgetSql.FindSqlite : BudgetSql.FindPostgres, BudgetRow.Read, AtNow(link, Key(tenant, key))), ct))?.Budget;

    public Task<Result<Budget>> PutAsync(Budget budget, int max, AuditRecord record, CancellationToken ct) => Of(budget.Tenant).WriteAsync<Result<Budget>>(
        async link =>
        {
            link.Alone($"budgets {BudgetRow.KeyOf(budget.Tenant)}");
            var before = await TakeAsync(link, budget.Tenant, budget.Key);
            var (others, now) = await link.FirstAsync(
                link.Dialect == Dialect.Sqlite ? BudgetSql.CountSetSqlite : BudgetSql.CountSetPostgres,
                static row => (row.GetInt64(0), row.Moment(1)),
                AtNow(link, [("@tenant_id", BudgetRow.KeyOf(budget.Tenant))]));
            if (before is null && others >= max)
                return Fault.Conflict("budgets_too_many", $"There are {max} budgets already, which is the most. Remove one that is not needed any more.");

            var put = budget with
            {
                CreatedAt = before?.Budget.CreatedAt ?? budget.CreatedAt,
                HeldMicros = before?.Budget.HeldMicros ?? 0,
                SpentMicros = before?.Budget.SpentMicros ?? 0,
                PeriodStart = before is not null && before.Budget.Period == budget.Period ? before.Budget.PeriodStart : BudgetPeriods.StartOf(budget.Period, now),
            };
            Put(link, put, before?.Mark ?? NewMark());
            AuditLog.Append(link, record);
            return put;
        },
        ct);

    public Task<bool> RemoveAsync(Id<Tenant>? tenant, BudgetKey key, AuditRecord record, CancellationToken ct) => Of(tenant).WriteAsync(
        async link =>
        {
            if (await TakeAsync(link, tenant, key) is null) return false;
            link.Post(BudgetSql.Remove, Key(tenant, key));
            AuditLog.Append(link, record);
            return true;
        },
        ct);

    public Task SetOwnAsync(Id<Tenant> tenant, string session, long? limitMicros, CancellationToken ct)
    {
        var key = new BudgetKey(BudgetScope.SessionOwn, session);
        if (limitMicros is not { } limit) return control.For(tenant).ChangeAsync(BudgetSql.Remove, ct, Key(tenant, key));
        return control.For(tenant).ChangeAsync(
            BudgetSql.PutOwn,
            ct,
            ("@tenant_id", tenant.ToString()),
            ("@budget_id", key.ToString()),
            ("@subject", session),
            ("@limit_micros", limit),
            ("@thresholds", Rows.ToJson(BudgetRules.ThresholdsDefault)),
            ("@mark", NewMark()),
            ("@at", Instant.ToNumber(time.GetUtcNow())));
    }

    public Task<HoldAnswer> HoldAsync(HoldRequest request, CancellationToken ct) =>
        control.Platform.WriteAsync(link => link.Dialect == Dialect.Sqlite ? HoldOnFileAsync(link, request) : HoldOnServerAsync(link, request), ct);

    public Task<bool> LowerAsync(Id<Tenant> tenant, Id<Hold> hold, long micros, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(micros);
        return control.Platform.WriteAsync(
            async link => link.Dialect == Dialect.Sqlite
                ? await HoldRows.LowerAsync(link, tenant, hold, micros, time.GetUtcNow())
                : await link.LastAsync(BudgetSql.LowerPostgres, static row => row.GetInt64(0), ("@tenant_id", tenant.ToString()), ("@hold_id", hold.ToString()), ("@micros", micros)) > 0,
            ct);
    }

    public Task<IReadOnlyList<BudgetNotice>> SettleAsync(Id<Tenant> tenant, IReadOnlyList<SettledUsage> usage, CancellationToken ct) =>
        control.Platform.WriteAsync(link => HoldRows.SettleAsync(link, tenant, usage, time.GetUtcNow()), ct);

    public Task ReleaseAsync(Id<Tenant> tenant, IReadOnlyCollection<Id<Hold>> holds, CancellationToken ct) =>
        control.Platform.WriteAsync(link => HoldRows.ReleaseAsync(link, tenant, holds, time.GetUtcNow()), ct);

    public Task RenewAsync(Id<Node> node, IReadOnlyCollection<Id<Hold>> holds, TimeSpan length, CancellationToken ct) => control.Platform.WriteAsync(
        link =>
        {
            link.Post(
                link.Dialect == Dialect.Sqlite ? BudgetSql.RenewSqlite : BudgetSql.RenewPostgres,
                AtNow(link, [("@length", length.Ticks), ("@node", node.ToString()), ("@holds", Rows.ToNames(holds.Select(static hold => hold.ToString())))]));
            return ValueTask.CompletedTask;
        },
        ct);

    public async Task<IReadOnlyList<Id<Hold>>> ListHoldsAsync(Id<Tenant> tenant, string session, CancellationToken ct) =>
        await control.For(tenant).AllAsync(BudgetSql.HoldsOfSession, static row => row.Id<Hold>(0), ct, ("@tenant_id", tenant.ToString()), ("@session_id", session));

    public async Task<IReadOnlyList<ExpiredHold>> ListExpiredAsync(int limit, CancellationToken ct) => await control.Platform.ReadAsync(
        link => link.AllAsync(
            link.Dialect == Dialect.Sqlite ? BudgetSql.ExpiredSqlite : BudgetSql.ExpiredPostgres,
            static row => new ExpiredHold(row.Id<Tenant>(0), row.Id<Hold>(1), row.GetString(2)),
            AtNow(link, [("@limit", limit)])),
        ct);

    public Task<long> CountHoldsAsync(CancellationToken ct) => control.Platform.FirstAsync(BudgetSql.CountHolds, static row => row.GetInt64(0), ct);

    private static async ValueTask<HoldAnswer> HoldOnServerAsync(Link link, HoldRequest request)
    {
        var held = await link.LastAsync(
            BudgetSql.HoldPostgres,
            static row => new { Budget = BudgetRow.Read(row), Granted = row.IsDBNull(15) ? (long?)null : row.GetInt64(15) },
            [
                .. HoldRows.PathOf(request.Tenant, request.Path.Select(static key => key.ToString())),
                ("@micros", request.Micros),
                ("@least", request.Least),
                ("@hold_id", request.Id.ToString()),
                ("@session_id", request.Session),
                ("@node", request.Node.ToString()),
                ("@length", request.Length.Ticks),
            ]);
        return held is null ? new HoldAnswer(request.Micros, Holds: false, Tightest: null) : new HoldAnswer(held.Granted, held.Granted is not null, held.Budget.Budget);
    }

    /// <summary>The file has one writer, so it may think between its statements.</summary>
    private async ValueTask<HoldAnswer> HoldOnFileAsync(Link link, HoldRequest request)
    {
        var rows = await HoldRows.TakeAsync(link, request.Tenant, request.Path.Select(static key => key.ToString()), time.GetUtcNow());
        if (rows.MinBy(static row => row.Left) is not { } tightest) return new HoldAnswer(request.Micros, Holds: false, Tightest: null);
        if (tightest.Left < request.Least) return new HoldAnswer(null, Holds: false, tightest.Budget);

        var granted = Math.Min(request.Micros, tightest.Left);
        foreach (var row in rows) (row with { Budget = row.Budget with { HeldMicros = row.Budget.HeldMicros + granted } }).Write(link);
        link.Post(
            BudgetSql.AddHoldSqlite,
            AtNow(
                link,
                [
                    ("@tenant_id", request.Tenant.ToString()),
                    ("@hold_id", request.Id.ToString()),
                    ("@session_id", request.Session),
                    ("@node", request.Node.ToString()),
                    ("@micros", granted),
                    ("@path", string.Join(' ', rows.Select(static row => row.InPath))),
                    ("@length", request.Length.Ticks),
                ]));
        return new HoldAnswer(granted, Holds: true, tightest.Budget);
    }

    private static long NewMark() => Random.Shared.NextInt64();

    private static List<Budget> BudgetsOf(List<BudgetRow> rows) => [.. rows.Select(static row => row.Budget)];

    private static (string Name, object? Value)[] Key(Id<Tenant>? tenant, BudgetKey key) => [("@tenant_id", BudgetRow.KeyOf(tenant)), ("@budget_id", key.ToString())];

    private static void Put(Link link, Budget budget, long mark) => link.Post(
        BudgetSql.Put,
        ("@tenant_id", BudgetRow.KeyOf(budget.Tenant)),
        ("@budget_id", budget.Key.ToString()),
        ("@scope", Rows.ToName(budget.Key.Scope)),
        ("@subject", budget.Key.Subject),
        ("@limit_micros", budget.LimitMicros),
        ("@period", Rows.ToName(budget.Period)),
        ("@thresholds", Rows.ToJson(budget.Thresholds)),
        ("@set_by", budget.SetBy),
        ("@mark", mark),
        ("@created_at", Instant.ToNumber(budget.CreatedAt)),
        ("@updated_at", Instant.ToNumber(budget.UpdatedAt)),
        ("@period_start", Instant.ToNumber(budget.PeriodStart)),
        ("@spent_micros", budget.SpentMicros),
        ("@notified", budget.Thresholds.Where(budget.HasReached).DefaultIfEmpty(0).Max()));

    private async ValueTask<BudgetRow?> TakeAsync(Link link, Id<Tenant>? tenant, BudgetKey key) =>
        await link.FirstAsync(link.Dialect == Dialect.Sqlite ? BudgetSql.FindSqlite : BudgetSql.TakePostgres, BudgetRow.Read, AtNow(link, Key(tenant, key)));

    private Database Of(Id<Tenant>? tenant) => tenant is { } own ? control.For(own) : control.Platform;

    /// <summary>With the program's time, where the engine has no clock of its own.</summary>
    private (string Name, object? Value)[] AtNow(Link link, (string Name, object? Value)[] values) =>
        link.Dialect == Dialect.Sqlite ? [.. values, ("@now", Instant.ToNumber(time.GetUtcNow()))] : values;
}
