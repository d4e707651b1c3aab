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

    public const string Release = "update quota_counters set used = used - 1 where tenant_id = @tenant_id and kind = @kind and used > 0";
}
