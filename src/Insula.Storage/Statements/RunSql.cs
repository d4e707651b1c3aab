namespace Insula.Storage.Statements;

/// <summary>
/// What a worker writes of its run holds under its claim only: on SQLite in the unit that has asked for the claim, on
/// PostgreSQL as a part of <see cref="RunAppendSql"/>. A queued run has the digits of the message that queued it, so that it
/// can be told from the log alone which one there should be.
/// </summary>
internal static class RunSql
{
    private const string Columns =
        """
        run_id, session_id, status, stop_reason, steps, queued_at, started_at, ended_at,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, error
        """;

    private const string Filter =
        """
        queued_at between @queued_from and @queued_to
          and (cast(@session_id as text) is null or session_id = @session_id)
          and (cast(@statuses as text) is null or replace(@statuses, '|' || status || '|', '') <> @statuses)
          and (cast(@agent_id as text) is null or exists (
            select 1 from sessions s where s.tenant_id = @tenant_id and s.session_id = runs.session_id and s.agent_id = @agent_id))
        """;

    internal const string PutValues =
        $"""
        insert into runs (tenant_id, {Columns})
        select @tenant_id, @run_id, @session_id, @run_status, @stop_reason, @steps, @queued_at, @started_at, @ended_at,
          @run_input_tokens, @run_output_tokens, @run_cache_read_tokens, @run_cache_write_tokens, @error
        """;

    internal const string PutOver =
        """
        on conflict (tenant_id, run_id) do update set
          status = excluded.status, stop_reason = excluded.stop_reason, steps = excluded.steps, started_at = excluded.started_at, ended_at = excluded.ended_at,
          input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
          cache_read_tokens = excluded.cache_read_tokens, cache_write_tokens = excluded.cache_write_tokens, error = excluded.error
        """;

    /// <summary>Of a run whose row is there: a step's, which is never its first.</summary>
    internal const string Go =
        """
        update runs r set
          queued_at = @queued_at, status = @run_status, stop_reason = @stop_reason, steps = @steps, started_at = @started_at, ended_at = @ended_at,
          input_tokens = @run_input_tokens, output_tokens = @run_output_tokens,
          cache_read_tokens = @run_cache_read_tokens, cache_write_tokens = @run_cache_write_tokens, error = @error
        from claimed c
        where r.tenant_id = @tenant_id and r.run_id = @run_id
        """;

    // SQLite takes "on" after a select without a condition for the begin of a join's.
    public const string Put = $"{PutValues} where true {PutOver}";

    /// <summary>The oldest message that no run took up queues a run, unless it has.</summary>
    public const string Queue =
        """
        insert into runs (tenant_id, run_id, session_id, status, steps, queued_at, started_at)
        select @tenant_id, 'run_' || substr(e.event_id, 6), e.session_id, 'queued', 0, e.created_at, 0 from events e
        where e.tenant_id = @tenant_id and e.session_id = @session_id and e.processed_at is null and e.type = 'user.message'
        order by e.seq
        limit 1
        on conflict (tenant_id, run_id) do nothing
        """;

    /// <summary>A queued run whose message was settled without it is over.</summary>
    public const string CancelSettled =
        """
        update runs set status = 'ended', stop_reason = 'cancelled', ended_at = @at
        where tenant_id = @tenant_id and session_id = @session_id and status = 'queued'
          and exists (select 1 from events e where e.tenant_id = @tenant_id and e.event_id = 'sevt_' || substr(runs.run_id, 5) and e.processed_at is not null)
        """;

    public const string Find = $"select {Columns} from runs where tenant_id = @tenant_id and run_id = @run_id";

    public const string FindOpen =
        $"""
        select {Columns} from runs
        where tenant_id = @tenant_id and session_id = @session_id and status in ('queued', 'running', 'waiting') and status <> 'queued'
        order by started_at desc, run_id desc
        limit 1
        """;

    public const string ListDown =
        $"""
        select {Columns} from runs
        where tenant_id = @tenant_id and (queued_at, run_id) < (@after_at, @after_id) and {Filter}
        order by queued_at desc, run_id desc
        limit @limit
        """;

    public const string ListUp =
        $"""
        select {Columns} from runs
        where tenant_id = @tenant_id and (queued_at, run_id) > (@after_at, @after_id) and {Filter}
        order by queued_at, run_id
        limit @limit
        """;

    internal const string UsageColumns = "usage_id, run_id, kind, name, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, at, agent_id, principal, reasoning_tokens, cost_micros, price_version";

    internal const string UsageArrays =
        """
        cast(@usage_ids as text[]), cast(@usage_runs as text[]), cast(@usage_kinds as text[]), cast(@usage_names as text[]),
          cast(@usage_input_tokens as bigint[]), cast(@usage_output_tokens as bigint[]), cast(@usage_cache_read_tokens as bigint[]), cast(@usage_cache_write_tokens as bigint[]), cast(@usage_at as bigint[]),
          cast(@usage_agents as text[]), cast(@usage_principals as text[]), cast(@usage_reasoning_tokens as bigint[]), cast(@usage_costs as bigint[]), cast(@usage_prices as text[])
        """;

    public const string InsertUsage =
        $"""
        insert into usage_outbox (tenant_id, session_id, {UsageColumns})
        values (@tenant_id, @session_id, @usage_id, @run_id, @kind, @name, @input_tokens, @output_tokens, @cache_read_tokens, @cache_write_tokens, @at,
          @agent_id, @principal, @reasoning_tokens, @cost_micros, @price_version)
        """;
}
