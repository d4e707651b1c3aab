namespace Insula.Storage.Statements;

internal static class SessionSql
{
    private const string Columns =
        """
        session_id, agent_id, agent_version, agent, environment_id, title, metadata, budget, status, last_seq, epoch, pending_input,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, active_seconds, created_at, updated_at, archived_at,
        forked_from, forked_at, open_run_id, parent_session, parent_run, parent_call
        """;

    private const string Filter =
        """
        created_at between @created_from and @created_to
          and (@archived_too or archived_at is null)
          and (cast(@agent_id as text) is null or agent_id = @agent_id)
          and (cast(@agent_version as integer) is null or agent_version = @agent_version)
          and (cast(@statuses as text) is null or replace(@statuses, '|' || status || '|', '') <> @statuses)
        """;

    public const string Insert =
        $"""
        insert into sessions (tenant_id, {Columns})
        values (@tenant_id, @session_id, @agent_id, @agent_version, @agent, @environment_id, @title, @metadata, @budget, @status, @last_seq, @epoch, @pending_input,
          @input_tokens, @output_tokens, @cache_read_tokens, @cache_write_tokens, @active_seconds, @created_at, @updated_at, @archived_at,
          @forked_from, @forked_at, @open_run_id, @parent_session, @parent_run, @parent_call)
        """;

    public const string Find = $"select {Columns} from sessions where tenant_id = @tenant_id and session_id = @session_id";

    public const string ListDown =
        $"""
        select {Columns} from sessions
        where tenant_id = @tenant_id and (created_at, session_id) < (@after_at, @after_id) and {Filter}
        order by created_at desc, session_id desc
        limit @limit
        """;

    public const string ListUp =
        $"""
        select {Columns} from sessions
        where tenant_id = @tenant_id and (created_at, session_id) > (@after_at, @after_id) and {Filter}
        order by created_at, session_id
        limit @limit
        """;

    public const string Update =
        """
        update sessions set title = @title, metadata = @metadata, budget = @budget, agent = @agent, last_seq = @last_seq, updated_at = @updated_at
        where tenant_id = @tenant_id and session_id = @session_id
        """;

    public const string Archive = "update sessions set archived_at = @at, updated_at = @at where tenant_id = @tenant_id and session_id = @session_id";

    /// <summary>The session, the one it was forked from, the one that that was forked from, and so on.</summary>
    public const string Line =
        """
        with recursive line (depth, session_id, forked_from, forked_at, created_at) as (
          select 0, s.session_id, s.forked_from, s.forked_at, s.created_at from sessions s
          where s.tenant_id = @tenant_id and s.session_id = @session_id
          union all
          select l.depth + 1, s.session_id, s.forked_from, s.forked_at, s.created_at
          from line l join sessions s on s.tenant_id = @tenant_id and s.session_id = l.forked_from
        )
        select session_id, forked_at, created_at from line order by depth
        """;

    public const string CountForks = "select count(*) from sessions where tenant_id = @tenant_id and forked_from = @session_id";

    public const string Children =
        $"select {Columns} from sessions where tenant_id = @tenant_id and parent_session = @session_id and parent_run = @run_id order by created_at, session_id";

    public const string Delete = "delete from sessions where tenant_id = @tenant_id and session_id = @session_id";

    public const string Claim = "update sessions set epoch = epoch + 1 where tenant_id = @tenant_id and session_id = @session_id";

    public const string ProjectInput =
        $"""
        update sessions set last_seq = @last_seq, pending_input = {EventSql.HasPending}, updated_at = @updated_at
        where tenant_id = @tenant_id and session_id = @session_id
        """;

    /// <summary>After an append that took up input, so that what still stands is looked at anew.</summary>
    public const string ProjectTakenUp =
        $"update sessions set pending_input = {EventSql.HasPending} where tenant_id = @tenant_id and session_id = @session_id";

    /// <summary>What a worker's append says of the session, if its claim still stands.</summary>
    internal const string ProjectRun =
        """
        update sessions
        set last_seq = last_seq + @events, updated_at = @updated_at, status = coalesce(@status, status), active_seconds = active_seconds + @active_seconds,
            open_run_id = case when cast(@run_id as text) is null then open_run_id else @open_run_id end,
            input_tokens = input_tokens + @input_tokens, output_tokens = output_tokens + @output_tokens,
            cache_read_tokens = cache_read_tokens + @cache_read_tokens, cache_write_tokens = cache_write_tokens + @cache_write_tokens
        """;

    /// <summary>Gives the session's last number; no row when the claim is lost.</summary>
    internal const string OfClaim = "where tenant_id = @tenant_id and session_id = @session_id and epoch = @epoch returning last_seq";

    public const string ProjectRunOfClaim = $"{ProjectRun} {OfClaim}";

    /// <summary>
    /// As <see cref="OfClaim"/>, for what takes up input: no row either when the log is not as it was seen. It stands on the
    /// session's own row, so it holds against what commits while the statement waits for that row.
    /// </summary>
    internal const string OfClaimAsSeen =
        "where tenant_id = @tenant_id and session_id = @session_id and epoch = @epoch and (cast(@seen as bigint) is null or last_seq = @seen) returning last_seq";

    public const string ProjectRunAsSeen = $"{ProjectRun} {OfClaimAsSeen}";

    public const string Epoch = "select epoch from sessions where tenant_id = @tenant_id and session_id = @session_id";

    public const string LastSeq = "select last_seq from sessions where tenant_id = @tenant_id and session_id = @session_id";
}
