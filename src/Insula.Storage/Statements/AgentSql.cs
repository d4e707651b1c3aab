namespace Insula.Storage.Statements;

internal static class AgentSql
{
    private const string Columns = "a.agent_id, v.version, v.definition, a.created_at, v.updated_at, a.archived_at";
    private const string Versions = "agents a join agent_versions v on v.tenant_id = a.tenant_id and v.agent_id = a.agent_id";

    public const string Count = "select count(*) from agents where tenant_id = @tenant_id and archived_at is null";

    public const string Insert =
        """
        insert into agents (tenant_id, agent_id, name, newest_version, created_at, archived_at)
        values (@tenant_id, @agent_id, @name, @newest_version, @created_at, @archived_at)
        """;

    public const string InsertVersion =
        """
        insert into agent_versions (tenant_id, agent_id, version, definition, updated_at)
        values (@tenant_id, @agent_id, @version, @definition, @updated_at)
        """;

    /// <summary>Moves an agent to its next version; no row when it is archived, gone, or another version came first.</summary>
    public const string Advance =
        """
        update agents set newest_version = @version, name = @name
        where tenant_id = @tenant_id and agent_id = @agent_id and newest_version = @version - 1 and archived_at is null
        """;

    public const string Archive = "update agents set archived_at = @at where tenant_id = @tenant_id and agent_id = @agent_id and archived_at is null";

    public const string FindNewest =
        $"select {Columns} from {Versions} and v.version = a.newest_version where a.tenant_id = @tenant_id and a.agent_id = @agent_id";

    public const string FindVersion =
        $"select {Columns} from {Versions} where a.tenant_id = @tenant_id and a.agent_id = @agent_id and v.version = @version";

    public const string List =
        $"""
        select {Columns} from {Versions} and v.version = a.newest_version
        where a.tenant_id = @tenant_id and (a.created_at, a.agent_id) < (@after_at, @after_id)
          and a.created_at between @created_from and @created_to
          and (@archived_too or a.archived_at is null)
          and (cast(@name as text) is null or a.name = @name)
        order by a.created_at desc, a.agent_id desc
        limit @limit
        """;

    public const string ListVersions =
        $"""
        select {Columns} from {Versions}
        where a.tenant_id = @tenant_id and a.agent_id = @agent_id and v.version < @after_version
        order by v.version desc
        limit @limit
        """;
}
