namespace Insula.Storage.Statements;

/// <summary>
/// What a worker appends, as one statement of PostgreSQL: the session's row is taken if the claim still stands, and every
/// other part writes only what that row lets it, so a worker that lost its claim writes nothing and gets no row. The parts
/// see the tables as they were before the statement, so each says itself what another one of them changes.
/// </summary>
internal static class RunAppendSql
{
    private const string Parts =
        $"""
        log as (
          insert into events (tenant_id, session_id, seq, event_id, type, body, created_at, processed_at, epoch, run_id)
          select @tenant_id, @session_id, c.last_seq - @events + e.n, e.event_id, e.type, e.body, @updated_at, e.processed_at, @epoch, @run_id
          from claimed c, unnest(cast(@event_ids as text[]), cast(@types as text[]), cast(@bodies as text[]), cast(@processed_at as bigint[])) with ordinality e (event_id, type, body, processed_at, n)
        ),
        metered as (
          insert into usage_outbox (tenant_id, session_id, {RunSql.UsageColumns})
          select @tenant_id, @session_id, u.* from claimed c, unnest({RunSql.UsageArrays}) u
        )
        """;

    /// <summary>An append that takes up no input: of a run whose row is there, since what began it took its message up.</summary>
    public const string Step =
        $"""
        with claimed as ({SessionSql.ProjectRun} {SessionSql.OfClaim}),
        run as ({RunSql.Go}),
        {Parts}
        select last_seq from claimed
        """;

    /// <summary>
    /// An append that takes up the input <c>@taken</c>. A queued run whose message is settled without it is cancelled, and
    /// the oldest message that is left queues the next one.
    /// </summary>
    public const string TakingUp =
        $"""
        with claimed as ({SessionSql.ProjectRun},
            pending_input = exists (
              select 1 from events e
              where e.tenant_id = @tenant_id and e.session_id = @session_id and e.processed_at is null and e.event_id <> all (cast(@taken as text[])) and {EventSql.Wakes})
          {SessionSql.OfClaimAsSeen}),
        run as ({RunSql.PutValues} from claimed where cast(@run_id as text) is not null {RunSql.PutOver}),
        {Parts},
        taken as (
          update events e set processed_at = @updated_at, run_id = @processed_by
          from claimed c
          where e.tenant_id = @tenant_id and e.session_id = @session_id and e.event_id = any (cast(@taken as text[])) and e.processed_at is null
        ),
        cancelled as (
          update runs r set status = 'ended', stop_reason = 'cancelled', ended_at = @updated_at
          from claimed c
          where r.tenant_id = @tenant_id and r.session_id = @session_id and r.status = 'queued' and r.run_id is distinct from cast(@run_id as text)
            and 'sevt_' || substr(r.run_id, 5) = any (cast(@taken as text[]))
        ),
        queued as (
          insert into runs (tenant_id, run_id, session_id, status, steps, queued_at, started_at)
          select @tenant_id, 'run_' || substr(e.event_id, 6), e.session_id, 'queued', 0, e.created_at, 0
          from claimed c, events e
          where e.tenant_id = @tenant_id and e.session_id = @session_id and e.processed_at is null and e.type = 'user.message' and e.event_id <> all (cast(@taken as text[]))
          order by e.seq
          limit 1
          on conflict (tenant_id, run_id) do nothing
        )
        select last_seq from claimed
        """;
}
