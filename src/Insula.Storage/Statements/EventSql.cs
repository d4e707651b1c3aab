namespace Insula.Storage.Statements;

internal static class EventSql
{
    private const string Columns = "seq, event_id, body, created_at, processed_at, epoch, run_id, principal";

    private const string Filter =
        """
        coalesce(processed_at, created_at) between @processed_from and @processed_to
          and (cast(@types as text) is null or replace(@types, '|' || type || '|', '') <> @types)
          and (cast(@run_id as text) is null or run_id = @run_id)
        """;

    public const string Insert =
        """
        insert into events (tenant_id, session_id, seq, event_id, type, body, created_at, processed_at, epoch, run_id, principal)
        values (@tenant_id, @session_id, @seq, @event_id, @type, @body, @created_at, @processed_at, @epoch, @run_id, @principal)
        """;

    public const string Read =
        $"""
        select {Columns} from events
        where tenant_id = @tenant_id and session_id = @session_id and seq > @after_seq
        order by seq
        limit @limit
        """;

    public const string ListUp =
        $"""
        select {Columns} from events
        where tenant_id = @tenant_id and session_id = @session_id and seq > @after_seq and {Filter}
        order by seq
        limit @limit
        """;

    public const string ListDown =
        $"""
        select {Columns} from events
        where tenant_id = @tenant_id and session_id = @session_id and seq < @after_seq and {Filter}
        order by seq desc
        limit @limit
        """;

    /// <summary>
    /// What a fork reads of its origin, up to <c>@to_seq</c>. The origin goes on after the fork was made, and it takes up
    /// input that stands before the fork point; the fork must not see that. So input counts as taken up only if its run
    /// wrote something up to the fork point when it took the input up, or after that (what is appended together has one
    /// moment), and as settled by the fork otherwise: the answer is the same for ever.
    /// </summary>
    private const string Prefix =
        $"""
        (select e.seq, e.event_id, e.type, e.body, e.created_at, e.epoch, e.principal,
          case when {TakenUp} then e.processed_at else @settled_at end as processed_at,
          case when {TakenUp} then e.run_id end as run_id
        from events e
        where e.tenant_id = @tenant_id and e.session_id = @session_id and e.seq > @after_seq and e.seq <= @to_seq) prefix
        """;

    private const string Inputs = "('user.message', 'user.interrupt', 'user.tool_confirmation', 'user.custom_tool_result', 'system.message')";

    private const string TakenUp =
        $"""
        (e.type not in {Inputs} or exists (
          select 1 from events o
          where o.tenant_id = @tenant_id and o.session_id = @session_id and o.seq > e.seq and o.seq <= @to_seq
            and o.run_id = e.run_id and o.created_at >= e.processed_at and o.type not in {Inputs}))
        """;

    public const string PrefixUp = $"select {Columns} from {Prefix} where seq < @before_seq and {Filter} order by seq limit @limit";

    public const string PrefixDown = $"select {Columns} from {Prefix} where seq < @before_seq and {Filter} order by seq desc limit @limit";

    /// <summary>An input is taken up once; a second time changes nothing.</summary>
    public const string TakeUp =
        """
        update events set processed_at = @processed_at, run_id = @run_id
        where tenant_id = @tenant_id and event_id = @event_id and session_id = @session_id and processed_at is null
        """;

    /// <summary>The message that queues the session's next run.</summary>
    public const string OldestMessage =
        """
        select event_id from events
        where tenant_id = @tenant_id and session_id = @session_id and processed_at is null and type = 'user.message'
        order by seq
        limit 1
        """;

    /// <summary>The messages before an interrupt that ends the run that they queued.</summary>
    public const string SettleMessages =
        """
        update events set processed_at = @at
        where tenant_id = @tenant_id and session_id = @session_id and processed_at is null and type = 'user.message' and seq < @before_seq
        """;

    /// <summary>Input that a worker has to look at: guidance alone (system.message) wakes nobody.</summary>
    internal const string Wakes = "e.type in ('user.message', 'user.interrupt', 'user.tool_confirmation', 'user.custom_tool_result')";

    /// <summary>Whether input stands that a worker has to look at. An expression, for use in a statement about one session.</summary>
    public const string HasPending =
        $"""
        exists (
          select 1 from events e
          where e.tenant_id = @tenant_id and e.session_id = @session_id and e.processed_at is null and {Wakes})
        """;
}
