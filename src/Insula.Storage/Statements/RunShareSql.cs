namespace Insula.Storage.Statements;

/// <summary>
/// The law of whose turn it is (docs/decisions/0008), on PostgreSQL, where nodes share the workers. A turn is taken in two
/// statements: the first chooses a tenant and locks its share, the second counts that tenant's leases anew under the lock,
/// so that no two nodes take what only one of them may.
/// </summary>
internal static class RunShareSql
{
    /// <summary>A tenant's share is there before its first entry is: a turn locks it.</summary>
    public const string EnsurePostgres = "insert into run_shares (tenant_id) values (@tenant_id) on conflict do nothing";

    public const string PutPostgres =
        """
        insert into run_shares (tenant_id, concurrent, weight, minimum) values (@tenant_id, @concurrent, @weight, @minimum)
        on conflict (tenant_id) do update set concurrent = excluded.concurrent, weight = excluded.weight, minimum = excluded.minimum
        """;

    /// <summary>Of tenants whose entries another version of the program wrote.</summary>
    public const string FillPostgres = $"{Queued} insert into run_shares (tenant_id) select q.tenant_id from queued q where q.tenant_id is not null and not exists (select 1 from run_shares s where s.tenant_id = q.tenant_id) on conflict do nothing";

    /// <summary>Passes over a tenant whose turn another node takes at this moment.</summary>
    public const string ChoosePostgres = $"{Candidates} skip locked) chosen limit 1";

    /// <summary>When there is no other tenant: waits for the other node's turn to end, a few milliseconds.</summary>
    public const string ChooseOrWaitPostgres = $"{Candidates}) chosen limit 1";

    public const string TakePostgres =
        $"""
        with share as (
          select s.concurrent, s.weight, s.cost, h.held, @minima and h.held < s.minimum as reserved,
            case when s.contests then s.pass else greatest(s.pass, {Clock}) end as start
          from run_shares s, lateral (select count(*) as held from run_queue h where h.tenant_id = s.tenant_id and h.lease_node is not null and h.lease_until > {RunQueueSql.NowPostgres}) h
          where s.tenant_id = @tenant_id),
        picked as (
          select q.session_id, greatest(q.ready_at, q.lease_until) as since from run_queue q, share
          where q.tenant_id = @tenant_id and {Ready} and share.held < share.concurrent
          order by q.turn_at, q.first_mark limit 1 for update of q skip locked),
        taken as (
          update run_queue q set lease_node = @node, lease_until = {RunQueueSql.NowPostgres} + @length,
            abandoned = q.abandoned + case when q.lease_until > 0 and q.lease_node <> @node then 1 else 0 end,
            charged = case when share.reserved then null else share.cost end
          from picked, share where q.tenant_id = @tenant_id and q.session_id = picked.session_id
          returning q.tenant_id, q.session_id, q.mark, q.abandoned, share.held + 1 as held, case when picked.since > 0 then {RunQueueSql.NowPostgres} - picked.since else 0 end as waited),
        paid as (
          update run_shares s set
            pass = case when share.reserved then s.pass else share.start + share.cost / share.weight end,
            start_pass = case when share.reserved then s.start_pass else share.start end,
            contests = share.held + 1 < share.concurrent
          from share, taken where s.tenant_id = @tenant_id)
        select tenant_id, session_id, mark, abandoned, held, waited from taken
        """;

    /// <summary>What the lease really cost takes the place of what it was charged.</summary>
    public const string SettlePostgres =
        """
        update run_shares s set
          pass = s.pass + coalesce((@cost - q.charged) / s.weight, 0),
          cost = s.cost + (@cost - s.cost) * @newest,
          contests = s.contests and (select count(*) from (select o.session_id from run_queue o where o.tenant_id = @tenant_id order by o.tenant_id, o.turn_at limit 2) o) > 1
        from run_queue q
        where s.tenant_id = @tenant_id and q.tenant_id = @tenant_id and q.session_id = @session_id and q.lease_node = @node and q.lease_until > 0 and (q.mark = @mark or @mark = 0)
        """;

    // A turn never begins before the last one did: who had no work, or no worker left to take, saved nothing up meanwhile.
    private const string Clock = "(select coalesce((select c.start_pass from run_shares c order by c.start_pass desc limit 1), 0))";

    // Priorities move an entry by ten minutes at most, so that what is not ready for long is not looked at.
    private const string Ready = $"q.turn_at <= {RunQueueSql.NowPostgres} + 6000000000 and q.lease_until <= {RunQueueSql.NowPostgres} and q.ready_at <= {RunQueueSql.NowPostgres} - @age";

    // From one tenant to the next by the index, however many entries each has.
    internal const string Queued =
        """
        with recursive queued as (
          (select f.tenant_id from run_queue f where f.tenant_id > '' order by f.tenant_id limit 1)
          union all
          select (select n.tenant_id from run_queue n where n.tenant_id > queued.tenant_id order by n.tenant_id limit 1) from queued where queued.tenant_id is not null)
        """;

    // Tenant by tenant, each by a few looks into an index: "limit 1" keeps the server from making one scan over all of it. The
    // candidates come in the order of their turns, and a share is locked only when those before it were passed over.
    private const string Candidates =
        $"""
        {Queued},
        candidates as materialized (
          select w.tenant_id
          from queued w
            cross join lateral (select x.* from run_shares x where x.tenant_id = w.tenant_id limit 1) s
            cross join lateral (select q.session_id from run_queue q where q.tenant_id = w.tenant_id and {Ready} order by q.tenant_id, q.turn_at, q.first_mark limit 1) r
            cross join lateral (select count(*) as held from run_queue h where h.tenant_id = w.tenant_id and h.lease_node is not null and h.lease_until > {RunQueueSql.NowPostgres}) h
          where h.held < s.concurrent and not exists (select 1 from tenants t where t.tenant_id = w.tenant_id and t.status = 'suspended')
          order by case when @minima and h.held < s.minimum then 0 else 1 end, case when s.contests then s.pass else greatest(s.pass, {Clock}) end, s.contests, s.tenant_id
          limit 32)
        select chosen.tenant_id from candidates c cross join lateral (select s.tenant_id from run_shares s where s.tenant_id = c.tenant_id limit 1 for update of s
        """;
}
