namespace Insula.Storage.Statements;

/// <summary>
/// Marks never repeat. SQLite has one writer and counts them in a row; in PostgreSQL that row would make every node wait
/// for every other one's commit, so a sequence gives them.
/// </summary>
internal static class RunQueueSql
{
    public const string TickSqlite = "update run_queue_clock set mark = mark + 1 where id = 1";

    public const string PutSqlite = "insert into run_queue (tenant_id, session_id, mark, first_mark) select @tenant_id, @session_id, c.mark, c.mark from run_queue_clock c where c.id = 1" + Again;

    public const string PutPostgres = "insert into run_queue (tenant_id, session_id, mark, first_mark) select @tenant_id, @session_id, c.mark, c.mark from (select nextval('run_queue_marks') as mark) c" + Again;

    public const string Mark = "select mark from run_queue where tenant_id = @tenant_id and session_id = @session_id";

    public const string Remove = "delete from run_queue where tenant_id = @tenant_id and session_id = @session_id and mark = @mark";

    public const string Page = "select first_mark, tenant_id, session_id from run_queue where first_mark > @after order by first_mark limit @limit";

    private const string Again = " on conflict (tenant_id, session_id) do update set mark = excluded.mark";
}
