namespace Insula.Storage.Statements;

/// <summary>Counts of requests by day, and what tenants keep.</summary>
internal static class StatsSql
{
    public const string AddToDay =
        """
        insert into request_days (tenant_id, day, requests, denied, timed, latency_micros) values (@tenant_id, @day, @requests, @denied, @timed, @latency_micros)
        on conflict (tenant_id, day) do update set requests = request_days.requests + excluded.requests, denied = request_days.denied + excluded.denied,
          timed = request_days.timed + excluded.timed, latency_micros = request_days.latency_micros + excluded.latency_micros
        """;

    public const string PutLevel =
        """
        insert into tenant_levels (tenant_id, at, stored_bytes, concepts, percent, fullest, nearly_full, quotas)
        values (@tenant_id, @at, @stored_bytes, @concepts, @percent, @fullest, @nearly_full, @quotas)
        on conflict (tenant_id) do update set at = excluded.at, stored_bytes = excluded.stored_bytes, concepts = excluded.concepts,
          percent = excluded.percent, fullest = excluded.fullest, nearly_full = excluded.nearly_full, quotas = excluded.quotas
        where tenant_levels.at <= excluded.at
        """;

    public const string Days = "select day, requests, denied, timed, latency_micros from request_days where tenant_id = @tenant_id and day >= @from_day and day < @to_day order by day";

    public const string Level = $"select {LevelColumns} from tenant_levels where tenant_id = @tenant_id";

    public const string Levels = $"select {LevelColumns} from tenant_levels where tenant_id > @after and tenant_id <= @last";

    public const string Full = $"select {LevelColumns} from tenant_levels where percent >= @percent order by percent desc, tenant_id limit @limit";

    public const string Total = $"select {Sums}, (select coalesce(cast(sum(stored_bytes) as bigint), 0) from tenant_levels) from request_days where day >= @from_day and day < @to_day";

    public const string Busiest =
        $"select tenant_id, {Sums} from request_days where day >= @from_day and day < @to_day group by tenant_id order by 2 desc, tenant_id limit @limit";

    private const string LevelColumns = "tenant_id, at, stored_bytes, concepts, percent, fullest, nearly_full, quotas";

    private const string Sums =
        """
        coalesce(cast(sum(requests) as bigint), 0), coalesce(cast(sum(denied) as bigint), 0),
        coalesce(cast(sum(timed) as bigint), 0), coalesce(cast(sum(latency_micros) as bigint), 0)
        """;
}
