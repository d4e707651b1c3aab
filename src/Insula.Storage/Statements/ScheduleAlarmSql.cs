namespace Insula.Storage.Statements;

/// <summary>
/// Alarms go by one clock, as leases of the run queue do: the server's where nodes share one, else the program's. A lease that
/// ends later than one taken now would is from before the clock was set back, and counts for nothing.
/// </summary>
internal static class ScheduleAlarmSql
{
    private const string NowSqlite = "@now";

    private const string NowPostgres = RunQueueSql.NowPostgres;

    private const string Key = "tenant_id = @tenant_id and schedule_id = @schedule_id";

    /// <summary>An alarm that is due earlier stays so: a look too early puts it right, one too late would not.</summary>
    public const string Wake =
        """
        insert into schedule_alarms (tenant_id, schedule_id, due_at, mark) values (@tenant_id, @schedule_id, @due_at, 1)
        on conflict (tenant_id, schedule_id) do update
        set mark = schedule_alarms.mark + 1, due_at = case when schedule_alarms.due_at < excluded.due_at then schedule_alarms.due_at else excluded.due_at end
        """;

    public const string DueSqlite = $"{Due} q.due_at <= {NowSqlite} and (q.lease_until <= {NowSqlite} or q.lease_until > {NowSqlite} + @length) {Page}";

    public const string DuePostgres = $"{Due} q.due_at <= {NowPostgres} and (q.lease_until <= {NowPostgres} or q.lease_until > {NowPostgres} + @length) {Page}";

    public const string TakeSqlite =
        $"update schedule_alarms set lease_node = @node, lease_until = {NowSqlite} + @length where {Key} and due_at <= {NowSqlite} and (lease_until <= {NowSqlite} or lease_until > {NowSqlite} + @length) returning mark, {NowSqlite}";

    public const string TakePostgres =
        $"update schedule_alarms set lease_node = @node, lease_until = {NowPostgres} + @length where {Key} and due_at <= {NowPostgres} and (lease_until <= {NowPostgres} or lease_until > {NowPostgres} + @length) returning mark, {NowPostgres}";

    public const string Settle = $"update schedule_alarms set due_at = @due_at, lease_node = null, lease_until = 0 where {Key} and lease_node = @node and mark = @mark";

    public const string Remove = $"delete from schedule_alarms where {Key} and lease_node = @node and mark = @mark";

    public const string Release = $"update schedule_alarms set lease_node = null, lease_until = 0 where {Key} and lease_node = @node";

    private const string Due = "select q.tenant_id, q.schedule_id from schedule_alarms q where";

    private const string Page =
        """
        and not exists (select 1 from tenants t where t.tenant_id = q.tenant_id and t.status = 'suspended')
        order by q.due_at limit @limit
        """;
}
