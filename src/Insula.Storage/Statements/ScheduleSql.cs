namespace Insula.Storage.Statements;

internal static class ScheduleSql
{
    private const string Columns = "schedule_id, definition, paused_at, settled_until, created_at, updated_at";

    private const string Key = "tenant_id = @tenant_id and schedule_id = @schedule_id";

    private const string Line = "f.firing_id, f.schedule_id, f.scheduled_for, f.since, f.moments, f.is_manual, f.outcome, f.reason, f.settled_at, f.session_id";

    public const string Count = "select count(*) from schedules where tenant_id = @tenant_id";

    public const string Insert =
        $"""
        insert into schedules (tenant_id, {Columns}, agent_id)
        values (@tenant_id, @schedule_id, @definition, @paused_at, @settled_until, @created_at, @updated_at, @agent_id)
        """;

    public const string Find = $"select {Columns} from schedules where {Key}";

    public const string List =
        $"""
        select {Columns} from schedules
        where tenant_id = @tenant_id and (created_at, schedule_id) < (@after_at, @after_id)
          and (cast(@enabled as integer) is null or (case when paused_at is null then 1 else 0 end) = @enabled)
          and (cast(@agent_id as text) is null or agent_id = @agent_id)
        order by created_at desc, schedule_id desc
        limit @limit
        """;

    public const string Update =
        $"update schedules set definition = @definition, paused_at = @paused_at, settled_until = @settled_until, updated_at = @updated_at, agent_id = @agent_id where {Key}";

    public const string MoveOn = $"update schedules set settled_until = @settled_until where {Key}";

    public const string Delete = $"delete from schedules where {Key}";

    public const string PutFiring =
        """
        insert into schedule_firings (tenant_id, firing_id, schedule_id, scheduled_for, since, moments, is_manual, outcome, reason, settled_at, session_id, event_id)
        values (@tenant_id, @firing_id, @schedule_id, @scheduled_for, @since, @moments, @is_manual, @outcome, @reason, @settled_at, null, null)
        on conflict (tenant_id, firing_id) do nothing
        """;

    public const string Begin = "update schedule_firings set session_id = @session_id where tenant_id = @tenant_id and firing_id = @firing_id and outcome = 'pending'";

    /// <summary>What is begun is not passed over any more: who began it may have sent it by now.</summary>
    public const string Finish =
        """
        update schedule_firings set outcome = @outcome, reason = @reason, settled_at = @settled_at, session_id = @session_id, event_id = @event_id
        where tenant_id = @tenant_id and firing_id = @firing_id and outcome = 'pending' and (session_id is null or @outcome in ('fired', 'failed'))
        """;

    /// <summary>Old lines; what is pending stays.</summary>
    public const string Trim =
        $"""
        delete from schedule_firings where {Key} and outcome <> 'pending' and (scheduled_for < @keep_from
          or scheduled_for < (
            select k.scheduled_for from schedule_firings k where k.tenant_id = @tenant_id and k.schedule_id = @schedule_id
            order by k.scheduled_for desc, k.firing_id desc limit 1 offset @keep_max))
        """;

    public const string Pending =
        $"""
        select {Line}, null from schedule_firings f
        where f.tenant_id = @tenant_id and f.schedule_id = @schedule_id and f.outcome = 'pending'
        order by f.scheduled_for, f.firing_id
        limit @limit
        """;

    /// <summary>Of the newest firings one whose input waits, or whose run goes on. A session that ended takes up nothing more.</summary>
    public const string Open =
        $"""
        select {Line}, e.run_id
        from (select * from schedule_firings n where n.tenant_id = @tenant_id and n.schedule_id = @schedule_id and n.outcome = 'fired' order by n.scheduled_for desc, n.firing_id desc limit 10) f
        join events e on e.tenant_id = @tenant_id and e.event_id = f.event_id
        join sessions s on s.tenant_id = @tenant_id and s.session_id = e.session_id
        left join runs r on r.tenant_id = @tenant_id and r.run_id = e.run_id
        where s.status <> 'terminated' and s.archived_at is null and (e.processed_at is null or r.status <> 'ended')
        order by f.scheduled_for desc, f.firing_id desc
        limit 1
        """;

    public const string Sent = "select 1 from events where tenant_id = @tenant_id and event_id = @event_id";

    public const string History =
        $"""
        select {Line}, e.run_id
        from (
          select * from schedule_firings n
          where n.tenant_id = @tenant_id and n.schedule_id = @schedule_id and (n.scheduled_for, n.firing_id) < (@after_at, @after_id)
            and (cast(@outcome as text) is null or n.outcome = @outcome)
          order by n.scheduled_for desc, n.firing_id desc
          limit @limit) f
        left join events e on e.tenant_id = @tenant_id and e.event_id = f.event_id
        order by f.scheduled_for desc, f.firing_id desc
        """;
}
