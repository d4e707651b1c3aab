namespace Insula.Storage.Statements;

/// <summary>
/// Marks never repeat. SQLite has one writer and counts them in a row; in PostgreSQL that row would make every node wait
/// for every other one's commit, so a sequence gives them. Leases go by one clock: the server's where nodes share one, so
/// that theirs may be wrong, and else the program's.
/// </summary>
internal static class RunQueueSql
{
    public const string TickSqlite = "update run_queue_clock set mark = mark + 1 where id = 1";

    public const string PutSqlite = "insert into run_queue (tenant_id, session_id, mark, first_mark) select @tenant_id, @session_id, c.mark, c.mark from run_queue_clock c where c.id = 1" + Again;

    public const string PutPostgres = "insert into run_queue (tenant_id, session_id, mark, first_mark) select @tenant_id, @session_id, c.mark, c.mark from (select nextval('run_queue_marks') as mark) c" + Again;

    public const string LeaseSqlite = $"{Lease} {NowSqlite} + @length where {Entry} and (lease_node = @node or lease_until <= {NowSqlite}) returning mark";

    public const string LeasePostgres = $"{Lease} {NowPostgres} + @length where {Entry} and (lease_node = @node or lease_until <= {NowPostgres}) returning mark";

    public const string RenewSqlite = $"{Renew} {NowSqlite} + @length where {Held} and lease_until > {NowSqlite} returning tenant_id, session_id, mark";

    public const string RenewPostgres = $"{Renew} {NowPostgres} + @length where {Held} and lease_until > {NowPostgres} returning tenant_id, session_id, mark";

    public const string Remove = $"delete from run_queue where {Entry} and lease_node = @node and mark = @mark";

    public const string Mark = $"select mark from run_queue where {Entry} and lease_node = @node";

    /// <summary>The holder's name stays, as a sign that the session is under way.</summary>
    public const string Release = $"{Renew} 0 where {Entry} and lease_node = @node";

    public const string ReleaseAll = $"{Renew} 0 where lease_node is not null";

    public const string Untouched = $"{Free} where q.lease_node is null {Page}";

    public const string DroppedSqlite = $"{Free} where q.lease_node is not null and q.lease_until <= {NowSqlite} {Page}";

    public const string DroppedPostgres = $"{Free} where q.lease_node is not null and q.lease_until <= {NowPostgres} {Page}";

    public const string All = "select first_mark, tenant_id, session_id from run_queue where first_mark > @after order by first_mark limit @limit";

    private const string NowSqlite = "@now";

    // The begin of the transaction: before the lease counts from, as a holder counts from before it asked.
    private const string NowPostgres = "cast(extract(epoch from now()) * 10000000 as bigint)";

    private const string Again = " on conflict (tenant_id, session_id) do update set mark = excluded.mark";

    private const string Entry = "tenant_id = @tenant_id and session_id = @session_id";

    private const string Lease = "update run_queue set lease_node = @node, lease_until =";

    private const string Renew = "update run_queue set lease_until =";

    private const string Held = "lease_node = @node and replace(@sessions, '|' || session_id || '|', '') <> @sessions";

    private const string Free = "select q.first_mark, q.tenant_id, q.session_id from run_queue q";

    private const string Page =
        """
        and q.first_mark > @after and not exists (select 1 from tenants t where t.tenant_id = q.tenant_id and t.status = 'suspended')
        order by q.first_mark limit @limit
        """;
}
