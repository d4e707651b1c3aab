namespace Insula.Storage.Statements;

internal static class RunQueueSql
{
    public const string NextMark = "update run_queue_clock set mark = mark + 1 where id = 1 returning mark";

    public const string Put =
        """
        insert into run_queue (tenant_id, session_id, mark, first_mark) values (@tenant_id, @session_id, @mark, @mark)
        on conflict (tenant_id, session_id) do update set mark = excluded.mark
        """;

    public const string Mark = "select mark from run_queue where tenant_id = @tenant_id and session_id = @session_id";

    public const string Remove = "delete from run_queue where tenant_id = @tenant_id and session_id = @session_id and mark = @mark";

    public const string Page = "select first_mark, tenant_id, session_id from run_queue where first_mark > @after order by first_mark limit @limit";
}
