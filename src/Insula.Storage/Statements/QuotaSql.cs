namespace Insula.Storage.Statements;

/// <summary>Counters of what is too much to count for each change. The row's lock makes units that count wait for each other.</summary>
internal static class QuotaSql
{
    public const string Ensure = "insert into quota_counters (tenant_id, kind, used) values (@tenant_id, @kind, 0) on conflict (tenant_id, kind) do nothing";

    public const string Find = "select used from quota_counters where tenant_id = @tenant_id and kind = @kind";

    /// <summary>Only behind the row's lock: whoever held it has committed, so what it added is seen.</summary>
    public const string RecountSessions =
        "update quota_counters set used = (select count(*) from sessions s where s.tenant_id = @tenant_id) where tenant_id = @tenant_id and kind = @kind";

    public const string Reserve = "update quota_counters set used = used + 1 where tenant_id = @tenant_id and kind = @kind and used < @max";

    /// <summary>The counter of sessions where there is one, else their number.</summary>
    public const string Use =
        """
        select
          coalesce((select q.used from quota_counters q where q.tenant_id = @tenant_id and q.kind = 'sessions'), (select count(*) from sessions s where s.tenant_id = @tenant_id)),
          (select count(*) from agents a where a.tenant_id = @tenant_id and a.archived_at is null),
          (select count(*) from schedules c where c.tenant_id = @tenant_id),
          (select cast(coalesce(sum(k.passages), 0) as bigint) from knowledge_sources k where k.tenant_id = @tenant_id),
          (select cast(coalesce(sum(k.bytes), 0) as bigint) from knowledge_sources k where k.tenant_id = @tenant_id),
          (select count(*) from runs r where r.tenant_id = @tenant_id and r.status in ('queued', 'running', 'waiting') and r.status = 'running')
        """;

    public const string Release = "update quota_counters set used = used - 1 where tenant_id = @tenant_id and kind = @kind and used > 0";
}
