namespace Insula.Storage.Statements;

/// <summary>The outbox of usage in a tenant's store, and the ledger in the control store.</summary>
internal static class UsageSql
{
    public const string Outbox =
        """
        select usage_id, at, kind, name, agent_id, session_id, run_id, principal,
          input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_micros, price_version
        from usage_outbox where tenant_id = @tenant_id order by usage_id limit @limit
        """;

    public const string RemoveShippedSqlite = "delete from usage_outbox where tenant_id = @tenant_id and usage_id in (select value from json_each(@ids))";

    public const string RemoveShippedPostgres = "delete from usage_outbox where tenant_id = @tenant_id and usage_id = any (cast(@ids as text[]))";

    /// <summary>Many at once: a statement costs more than its rows. Gives the ids that were new.</summary>
    public const string InsertPostgres =
        $"""
        {Insert}
        select @tenant_id, u.* from unnest(cast(@usage_ids as text[]), cast(@at as bigint[]), cast(@kinds as text[]), cast(@names as text[]), cast(@agents as text[]), cast(@sessions as text[]), cast(@runs as text[]), cast(@principals as text[]),
          cast(@input_tokens as bigint[]), cast(@output_tokens as bigint[]), cast(@cache_read_tokens as bigint[]), cast(@cache_write_tokens as bigint[]), cast(@reasoning_tokens as bigint[]), cast(@costs as bigint[]), cast(@price_versions as text[])) u
        {IfNew}
        """;

    /// <summary>Gives the id if it was new.</summary>
    public const string InsertSqlite =
        $"""
        {Insert}
        values (@tenant_id, @usage_id, @at, @kind, @name, @agent_id, @session_id, @run_id, @principal,
          @input_tokens, @output_tokens, @cache_read_tokens, @cache_write_tokens, @reasoning_tokens, @cost_micros, @price_version)
        {IfNew}
        """;

    public const string AddToDay =
        """
        insert into ledger_days (tenant_id, day, kind, name, items, unpriced,
          input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_micros)
        values (@tenant_id, @day, @kind, @name, @items, @unpriced,
          @input_tokens, @output_tokens, @cache_read_tokens, @cache_write_tokens, @reasoning_tokens, @cost_micros)
        on conflict (tenant_id, day, kind, name) do update set
          items = ledger_days.items + excluded.items, unpriced = ledger_days.unpriced + excluded.unpriced,
          input_tokens = ledger_days.input_tokens + excluded.input_tokens, output_tokens = ledger_days.output_tokens + excluded.output_tokens,
          cache_read_tokens = ledger_days.cache_read_tokens + excluded.cache_read_tokens,
          cache_write_tokens = ledger_days.cache_write_tokens + excluded.cache_write_tokens,
          reasoning_tokens = ledger_days.reasoning_tokens + excluded.reasoning_tokens, cost_micros = ledger_days.cost_micros + excluded.cost_micros
        """;

    public const string Mark =
        """
        insert into usage_marks (tenant_id, mark, since) values (@tenant_id, @mark, @now)
        on conflict (tenant_id) do update set mark = excluded.mark
        """;

    public const string MarkQueued =
        """
        insert into usage_marks (tenant_id, mark, since)
        select distinct q.tenant_id, cast(@mark as bigint), cast(@now as bigint) from run_queue q
        where not exists (select 1 from usage_marks m where m.tenant_id = q.tenant_id)
        on conflict (tenant_id) do nothing
        """;

    public const string ListMarked = "select tenant_id, mark from usage_marks where since < @before order by since limit @limit";

    public const string Unmark = "delete from usage_marks where tenant_id = @tenant_id and mark = @mark";

    public const string CountMarked = "select count(*), min(since) from usage_marks";

    public const string CountBehind =
        "select (select count(*) from usage_marks where tenant_id = @tenant_id) + (select count(*) from run_queue where tenant_id = @tenant_id)";

    public const string Sum = $"select {Sums} from ledger_usage where {Filter}";

    public const string ByDay = $"{Group} cast(at / {TicksOfDay} as text) {Grouped}";

    public const string ByAgent = $"{Group} agent_id {Grouped}";

    public const string ByModel = $"{Group} name {GroupedModels}";

    public const string ByKey = $"{Group} principal {Grouped}";

    /// <summary>A key's member never changes. What no member's key began comes first, under no name.</summary>
    public const string ByMember =
        $"""
        select * from (select item as key, {Sums} from (select used.*, coalesce(k.member_id, '') as item
          from (select * from ledger_usage where {Filter}) used
          left join (select 'key:' || key_id as holder, member_id from api_keys where tenant_id = @tenant_id and member_id is not null) k on k.holder = used.principal) items {After}
        """;

    public const string BySession = $"{Group} session_id {Grouped}";

    public const string ByRun = $"{Group} run_id {Grouped}";

    public const string ByKind = $"{Group} kind {Grouped}";

    public const string Days =
        """
        select day, kind, name, items, unpriced, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_micros
        from ledger_days where tenant_id = @tenant_id and day >= @from_day and day < @to_day order by day, kind, name
        """;

    public const string Top =
        """
        select tenant_id, cast(sum(items) as bigint), cast(sum(unpriced) as bigint), cast(sum(input_tokens) as bigint), cast(sum(output_tokens) as bigint),
          cast(sum(cache_read_tokens) as bigint), cast(sum(cache_write_tokens) as bigint), cast(sum(reasoning_tokens) as bigint), cast(sum(cost_micros) as bigint)
        from ledger_days where day >= @from_day and day < @to_day
        group by tenant_id order by 9 desc, 2 desc, tenant_id limit @limit
        """;

    private const string Insert =
        """
        insert into ledger_usage (tenant_id, usage_id, at, kind, name, agent_id, session_id, run_id, principal,
          input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_micros, price_version)
        """;

    private const string IfNew = "on conflict (tenant_id, usage_id) do nothing returning usage_id";

    private const string TicksOfDay = "864000000000";

    private const string Sums =
        """
        count(*), coalesce(cast(sum(case when cost_micros is null then 1 else 0 end) as bigint), 0),
        coalesce(cast(sum(input_tokens) as bigint), 0), coalesce(cast(sum(output_tokens) as bigint), 0), coalesce(cast(sum(cache_read_tokens) as bigint), 0),
        coalesce(cast(sum(cache_write_tokens) as bigint), 0), coalesce(cast(sum(reasoning_tokens) as bigint), 0), coalesce(cast(sum(cost_micros) as bigint), 0)
        """;

    private const string Filter =
        """
        tenant_id = @tenant_id and at >= @from_at and at < @to_at
          and (cast(@agent_id as text) is null or agent_id = @agent_id)
          and (cast(@model as text) is null or (kind = 'model' and name = @model))
          and (cast(@session_id as text) is null or session_id = @session_id)
          and (cast(@run_id as text) is null or run_id = @run_id)
          and (cast(@principal as text) is null or principal = @principal)
          and (cast(@member_id as text) is null or principal in (select 'key:' || key_id from api_keys where tenant_id = @tenant_id and member_id = @member_id))
        """;

    private const string Group = $"select * from (select item as key, {Sums} from (select ledger_usage.*,";

    private const string Grouped = $"as item from ledger_usage where {Filter}) items {After}";

    private const string GroupedModels = $"as item from ledger_usage where {Filter} and kind = 'model') items {After}";

    private const string After = "group by item) sums where (cast(@after as text) is null or key > @after) order by key limit @limit";
}
