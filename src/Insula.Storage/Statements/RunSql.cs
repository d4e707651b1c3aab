namespace Insula.Storage.Statements;

/// <summary>What a worker writes of its run holds under its claim only, so each statement asks for the epoch.</summary>
internal static class RunSql
{
    public const string Put =
        """
        insert into runs (tenant_id, run_id, session_id, status, stop_reason, steps, started_at, ended_at)
        select @tenant_id, @run_id, @session_id, @status, @stop_reason, @steps, @started_at, @ended_at
        from sessions s where s.tenant_id = @tenant_id and s.session_id = @session_id and s.epoch = @epoch
        on conflict (tenant_id, run_id) do update set status = excluded.status, stop_reason = excluded.stop_reason, steps = excluded.steps, ended_at = excluded.ended_at
        """;

    public const string FindOpen =
        """
        select run_id, session_id, status, stop_reason, steps, started_at, ended_at from runs
        where tenant_id = @tenant_id and session_id = @session_id and status <> 'ended'
        order by started_at desc, run_id desc
        limit 1
        """;

    public const string CountUsage =
        """
        update sessions
        set input_tokens = input_tokens + @input_tokens, output_tokens = output_tokens + @output_tokens,
            cache_read_tokens = cache_read_tokens + @cache_read_tokens, cache_write_tokens = cache_write_tokens + @cache_write_tokens
        where tenant_id = @tenant_id and session_id = @session_id and epoch = @epoch
          and not exists (select 1 from usage_outbox u where u.tenant_id = @tenant_id and u.usage_id = @usage_id)
        """;

    public const string InsertUsage =
        """
        insert into usage_outbox (tenant_id, usage_id, session_id, run_id, kind, name, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, at)
        select @tenant_id, @usage_id, @session_id, @run_id, @kind, @name, @input_tokens, @output_tokens, @cache_read_tokens, @cache_write_tokens, @at
        from sessions s where s.tenant_id = @tenant_id and s.session_id = @session_id and s.epoch = @epoch
        on conflict (tenant_id, usage_id) do nothing
        """;
}
