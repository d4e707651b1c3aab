namespace Insula.Storage.Statements;

/// <summary>
/// Budgets and holds, by one clock: the server's where nodes share one, else the program's. Whoever changes budgets takes
/// their rows first, all of them in the order of their keys, so that no two wait for each other.
/// </summary>
internal static class BudgetSql
{
    private const string NowSqlite = "@now";

    private const string NowPostgres = RunQueueSql.NowPostgres;

    private const string Columns = "tenant_id, scope, subject, limit_micros, period, thresholds, set_by, created_at, updated_at, period_start, spent_micros, held_micros, mark, notified";

    private const string Key = "tenant_id = @tenant_id and budget_id = @budget_id";

    private const string OfPath = "where tenant_id in ('', @tenant_id) and budget_id in (@b1, @b2, @b3, @b4, @b5, @b6, @b7, @b8, @b9, @b10, @b11, @b12) order by budget_id";

    public const string TakePathSqlite = $"select {Columns}, {NowSqlite} from budgets {OfPath}";

    public const string TakePathPostgres = $"select {Columns}, {NowPostgres} from budgets {OfPath} for update";

    public const string PathPostgres = $"select {Columns}, {NowPostgres} from budgets {OfPath}";

    public const string FindSqlite = $"select {Columns}, {NowSqlite} from budgets where {Key}";

    public const string FindPostgres = $"select {Columns}, {NowPostgres} from budgets where {Key}";

    public const string TakePostgres = $"{FindPostgres} for update";

    public const string InForceSqlite = $"select {Columns}, {NowSqlite} from budgets where tenant_id in ('', @tenant_id) and scope <> 'session_own'";

    public const string InForcePostgres = $"select {Columns}, {NowPostgres} from budgets where tenant_id in ('', @tenant_id) and scope <> 'session_own'";

    public const string ListSqlite = $"select {Columns}, {NowSqlite} {OfTenant}";

    public const string ListPostgres = $"select {Columns}, {NowPostgres} {OfTenant}";

    public const string CountSetSqlite = $"select count(*), {NowSqlite} {Set}";

    public const string CountSetPostgres = $"select count(*), {NowPostgres} {Set}";

    public const string Put =
        """
        insert into budgets (tenant_id, budget_id, scope, subject, limit_micros, period, thresholds, set_by, mark, created_at, updated_at, period_start, spent_micros, notified)
        values (@tenant_id, @budget_id, @scope, @subject, @limit_micros, @period, @thresholds, @set_by, @mark, @created_at, @updated_at, @period_start, @spent_micros, @notified)
        on conflict (tenant_id, budget_id) do update
        set limit_micros = excluded.limit_micros, period = excluded.period, thresholds = excluded.thresholds, set_by = excluded.set_by, updated_at = excluded.updated_at,
            period_start = excluded.period_start, spent_micros = excluded.spent_micros, notified = excluded.notified
        """;

    /// <summary>Leaves one alone that says the same.</summary>
    public const string PutOwn =
        """
        insert into budgets (tenant_id, budget_id, scope, subject, limit_micros, period, thresholds, set_by, mark, created_at, updated_at, period_start)
        values (@tenant_id, @budget_id, 'session_own', @subject, @limit_micros, 'life', @thresholds, 'session', @mark, @at, @at, 0)
        on conflict (tenant_id, budget_id) do update
        set limit_micros = excluded.limit_micros, updated_at = excluded.updated_at where budgets.limit_micros <> excluded.limit_micros
        """;

    public const string Remove = $"delete from budgets where {Key}";

    /// <summary>What a row is to be, for a row that this unit has taken.</summary>
    public const string Count =
        $"update budgets set period_start = @period_start, spent_micros = @spent_micros, held_micros = @held_micros, notified = @notified where {Key}";

    public const string AddHoldSqlite = $"{AddHold} values (@tenant_id, @hold_id, @session_id, @node, @micros, @path, {NowSqlite} + @length)";

    /// <summary>
    /// A hold in one statement, so that nobody waits for a trip of somebody else's: the rows are taken, brought to the period
    /// of now as <c>Budget.At</c> does, and count the hold if all of them bear it. The tightest as it was before, and what was granted.
    /// </summary>
    public const string HoldPostgres =
        $"""
        with clock as (
          select {NowPostgres} as moment, {StartOf} 'day', {Utc})) * 10000000 as bigint) as day, {StartOf} 'week', {Utc})) * 10000000 as bigint) as week, {StartOf} 'month', {Utc})) * 10000000 as bigint) as month),
        taken as (select budget_id, {Columns} from budgets {OfPath} for update),
        standing as (
          select t.*, c.moment, case t.period when 'day' then c.day when 'week' then c.week when 'month' then c.month else 0 end as start from taken t, clock c),
        rolled as (
          select s.*, greatest(s.start, s.period_start) as since, case when s.start > s.period_start then 0 else s.spent_micros end as spent, case when s.start > s.period_start then 0 else s.notified end as told
          from standing s),
        room as (select min(limit_micros - spent - held_micros) as micros from rolled),
        granted as (select case when room.micros >= @micros then @micros when room.micros >= @least then room.micros end as micros from room),
        counted as (
          update budgets b set held_micros = r.held_micros + g.micros, period_start = r.since, spent_micros = r.spent, notified = r.told
          from rolled r, granted g where g.micros is not null and b.tenant_id = r.tenant_id and b.budget_id = r.budget_id),
        kept as (
          {AddHold}
          select @tenant_id, @hold_id, @session_id, @node, g.micros, (select string_agg(r.budget_id || '@' || r.mark, ' ' order by r.budget_id) from rolled r), c.moment + @length
          from granted g, clock c where g.micros is not null)
        select {Columns}, moment, (select g.micros from granted g) from rolled order by limit_micros - spent - held_micros limit 1
        """;

    /// <summary>
    /// Lowers a hold in one statement. The hold is taken before the rows of its budgets, as it is where holds end, and its
    /// budgets are those that it names with their marks.
    /// </summary>
    public const string LowerPostgres =
        """
        with held as (select micros, path from budget_holds where tenant_id = @tenant_id and hold_id = @hold_id and micros > @micros for update),
        bearers as (
          select split_part(entry, '@', 1) as budget_id, cast(split_part(entry, '@', 2) as bigint) as mark, h.micros - @micros as freed
          from held h, unnest(string_to_array(h.path, ' ')) as entry),
        taken as (
          select b.tenant_id, b.budget_id, b.held_micros, e.freed
          from budgets b, bearers e where b.tenant_id in ('', @tenant_id) and b.budget_id = e.budget_id and b.mark = e.mark order by b.budget_id for update of b),
        counted as (
          update budgets b set held_micros = t.held_micros - t.freed from taken t where b.tenant_id = t.tenant_id and b.budget_id = t.budget_id),
        kept as (update budget_holds h set micros = @micros from held where h.tenant_id = @tenant_id and h.hold_id = @hold_id)
        select micros - @micros from held
        """;

    public const string FindHoldSqlite = "select hold_id, micros, path from budget_holds where tenant_id = @tenant_id and hold_id = @hold_id";

    public const string LowerHoldSqlite = "update budget_holds set micros = @micros where tenant_id = @tenant_id and hold_id = @hold_id";

    public const string EndHoldsSqlite = $"{EndHolds} in (select value from json_each(@holds)) {Ended}";

    public const string EndHoldsPostgres = $"{EndHolds} = any (cast(@holds as text[])) {Ended}";

    public const string RenewSqlite = $"update budget_holds set expires_at = {NowSqlite} + @length where {OfNode}";

    // Passes over one that is being settled: the two take their rows in different orders.
    public const string RenewPostgres =
        $"""
        update budget_holds h set expires_at = {NowPostgres} + @length
        from (select tenant_id, hold_id from budget_holds where {OfNode} for update skip locked) mine
        where h.tenant_id = mine.tenant_id and h.hold_id = mine.hold_id
        """;

    public const string HoldsOfSession = "select hold_id from budget_holds where tenant_id = @tenant_id and session_id = @session_id order by hold_id";

    public const string ExpiredSqlite = $"{Expired} <= {NowSqlite} order by expires_at limit @limit";

    public const string ExpiredPostgres = $"{Expired} <= {NowPostgres} order by expires_at limit @limit";

    public const string CountHolds = "select count(*) from budget_holds";

    public const string AddNotice =
        """
        insert into budget_notices (tenant_id, notice_id, budget_id, percent, limit_micros, spent_micros, at)
        values (@tenant_id, @notice_id, @budget_id, @percent, @limit_micros, @spent_micros, @at)
        """;

    private const string Set = "from budgets where tenant_id = @tenant_id and scope <> 'session_own'";

    private const string OfTenant =
        """
        from budgets
        where tenant_id = @tenant_id and budget_id > @after and (cast(@scope as text) is null or scope = @scope)
        order by budget_id
        limit @limit
        """;

    private const string AddHold = "insert into budget_holds (tenant_id, hold_id, session_id, node, micros, path, expires_at)";

    private const string EndHolds = "delete from budget_holds where tenant_id = @tenant_id and hold_id";

    private const string Ended = "returning hold_id, micros, path";

    private const string StartOf = "cast(extract(epoch from date_trunc(";

    private const string Utc = "now() at time zone 'utc'";

    private const string OfNode = "node = @node and replace(@holds, '|' || hold_id || '|', '') <> @holds";

    private const string Expired = "select tenant_id, hold_id, session_id from budget_holds where expires_at";
}
