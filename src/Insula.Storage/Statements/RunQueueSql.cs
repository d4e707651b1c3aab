namespace Insula.Storage.Statements;

/// <summary>
/// Marks never repeat. SQLite has one writer and counts them in a row; in PostgreSQL that row would make every node wait
/// for every other one's commit, so a sequence gives them. Leases go by one clock: the server's where nodes share one, so
/// that theirs may be wrong, and else the program's.
/// </summary>
internal static class RunQueueSql
{
    public const string TickSqlite = "update run_queue_clock set mark = mark + 1 where id = 1";

    public const string PutSqlite = $"{Put} select @tenant_id, @session_id, c.mark, c.mark, @priority, {NowSqlite}, {NowSqlite} - @ahead from run_queue_clock c where c.id = 1 {Again}";

    public const string PutPostgres = $"{Put} select @tenant_id, @session_id, c.mark, c.mark, @priority, {NowPostgres}, {NowPostgres} - @ahead from (select nextval('run_queue_marks') as mark) c {Again}";

    public const string LeaseSqlite = $"{Lease} {NowSqlite} + @length, {CountSqlite} where {Entry} and ready_at <= {NowSqlite} and (lease_node = @node or lease_until <= {NowSqlite}) returning mark, abandoned";

    public const string LeasePostgres = $"{Lease} {NowPostgres} + @length, {CountPostgres} where {Entry} and ready_at <= {NowPostgres} and (lease_node = @node or lease_until <= {NowPostgres}) returning mark, abandoned";

    public const string RenewSqlite = $"{Renew} {NowSqlite} + @length where {Held} and lease_until > {NowSqlite} returning tenant_id, session_id, mark";

    public const string RenewPostgres = $"{Renew} {NowPostgres} + @length where {Held} and lease_until > {NowPostgres} returning tenant_id, session_id, mark";

    public const string Progress = $"update run_queue set abandoned = 0 where {Entry} and lease_node = @node";

    public const string Remove = $"delete from run_queue where {Entry} and lease_node = @node and mark = @mark";

    public const string DelaySqlite = $"{Delay} {NowSqlite} + @delay, turn_at = {NowSqlite} + @delay - {Head} where {Entry} and lease_node = @node and mark = @mark";

    public const string DelayPostgres = $"{Delay} {NowPostgres} + @delay, turn_at = {NowPostgres} + @delay - {Head} where {Entry} and lease_node = @node and mark = @mark";

    public const string Mark = $"select mark from run_queue where {Entry} and lease_node = @node";

    /// <summary>The holder's name stays, as a sign that the session is under way.</summary>
    public const string ReleaseSqlite = $"{Release} {NowSqlite} + @delay where {Entry} and lease_node = @node";

    public const string ReleasePostgres = $"{Release} {NowPostgres} + @delay where {Entry} and lease_node = @node";

    /// <summary>Whoever held a lease is gone; one that was given back in order ends at 0.</summary>
    public const string ReleaseAll = "update run_queue set abandoned = abandoned + case when lease_until > 0 then 1 else 0 end, lease_until = 0 where lease_node is not null";

    public const string UntouchedSqlite = $"{Free} where q.lease_node is null and q.ready_at <= {NowSqlite} {Page}";

    public const string UntouchedPostgres = $"{Free} where q.lease_node is null and q.ready_at <= {NowPostgres} {Page}";

    public const string DroppedSqlite = $"{Free} where q.lease_node is not null and q.lease_until <= {NowSqlite} and q.ready_at <= {NowSqlite} {Page}";

    public const string DroppedPostgres = $"{Free} where q.lease_node is not null and q.lease_until <= {NowPostgres} and q.ready_at <= {NowPostgres} {Page}";

    public const string StandingSqlite = $"with at as (select {NowSqlite} as moment) {Standing} {HeldByTenant}, {IsSuspended}, {Nodes}, null, null {Stands}";

    public const string StandingPostgres = $"{RunShareSql.Queued}, at as (select {NowPostgres} as moment) {Standing} {HeldByTenant}, {IsSuspended}, {Nodes}, (select s.cost from run_shares s where s.tenant_id = q.tenant_id), (select sum(s.weight) from queued w, run_shares s where s.tenant_id = w.tenant_id) {Stands}";

    public const string DepthSqlite = $"{Depth} from run_queue q, (select {NowSqlite} as moment) at";

    public const string DepthPostgres = $"{Depth} from run_queue q, (select {NowPostgres} as moment) at";

    public const string All = "select first_mark, tenant_id, session_id, priority, ready_at from run_queue where first_mark > @after order by first_mark limit @limit";

    // The begin of the transaction: before the lease counts from, as a holder counts from before it asked.
    internal const string NowPostgres = "cast(extract(epoch from now()) * 10000000 as bigint)";

    private const string NowSqlite = "@now";

    private const string Put = "insert into run_queue (tenant_id, session_id, mark, first_mark, priority, ready_at, turn_at)";

    private const string Again =
        """
        on conflict (tenant_id, session_id) do update set mark = excluded.mark,
          priority = case when run_queue.priority > excluded.priority then run_queue.priority else excluded.priority end,
          ready_at = case when run_queue.ready_at < excluded.ready_at then run_queue.ready_at else excluded.ready_at end,
          turn_at = case when run_queue.turn_at < excluded.turn_at then run_queue.turn_at else excluded.turn_at end
        """;

    private const string Entry = "tenant_id = @tenant_id and session_id = @session_id";

    // What a level of priority is worth, as in RunQueue.Ahead.
    private const string Head = "cast(priority as bigint) * 600000000";

    private const string Lease = "update run_queue set lease_node = @node, lease_until =";

    // A node that takes its own lease again could not renew it and did not die: its store was away.
    private const string CountSqlite = $"abandoned = abandoned + case when lease_until > 0 and lease_until <= {NowSqlite} and lease_node <> @node then 1 else 0 end";

    private const string CountPostgres = $"abandoned = abandoned + case when lease_until > 0 and lease_until <= {NowPostgres} and lease_node <> @node then 1 else 0 end";

    private const string Renew = "update run_queue set lease_until =";

    private const string Delay = "update run_queue set lease_node = null, lease_until = 0, abandoned = 0, ready_at =";

    private const string Release = "update run_queue set lease_until = 0, ready_at =";

    private const string Held = "lease_node = @node and replace(@sessions, '|' || session_id || '|', '') <> @sessions";

    private const string Free = "select q.first_mark, q.tenant_id, q.session_id, q.priority, q.ready_at from run_queue q";

    private const string Page =
        """
        and q.first_mark > @after and not exists (select 1 from tenants t where t.tenant_id = q.tenant_id and t.status = 'suspended')
        order by q.first_mark limit @limit
        """;

    private const string Standing =
        """
        select cast(case when q.lease_until > at.moment then 1 else 0 end as bigint), q.ready_at - at.moment,
          (select count(*) from run_queue a where a.tenant_id = q.tenant_id and a.lease_until <= at.moment and a.ready_at <= at.moment
            and (a.turn_at < q.turn_at or (a.turn_at = q.turn_at and a.first_mark < q.first_mark))),
        """;

    private const string HeldByTenant = "(select count(*) from run_queue h where h.tenant_id = q.tenant_id and h.lease_node is not null and h.lease_until > at.moment)";

    private const string IsSuspended = "(select count(*) from tenants t where t.tenant_id = q.tenant_id and t.status = 'suspended')";

    private const string Nodes = "(select count(distinct n.lease_node) from run_queue n where n.lease_node is not null and n.lease_until > at.moment)";

    private const string Stands = "from run_queue q, at where q.tenant_id = @tenant_id and q.session_id = @session_id";

    private const string Depth =
        """
        select coalesce(sum(case when q.lease_until <= at.moment and q.ready_at <= at.moment then 1 else 0 end), 0),
          coalesce(sum(case when q.lease_until > at.moment then 1 else 0 end), 0),
          coalesce(sum(case when q.lease_until <= at.moment and q.ready_at > at.moment then 1 else 0 end), 0)
        """;
}
