namespace Insula.Storage.Statements;

internal static class EnvironmentSql
{
    private const string Columns = "environment_id, name, description, config, metadata, created_at, updated_at, archived_at";

    public const string Insert =
        $"""
        insert into environments (tenant_id, {Columns})
        values (@tenant_id, @environment_id, @name, @description, @config, @metadata, @created_at, @updated_at, @archived_at)
        """;

    public const string Find = $"select {Columns} from environments where tenant_id = @tenant_id and environment_id = @environment_id";

    public const string List =
        $"""
        select {Columns} from environments
        where tenant_id = @tenant_id and (created_at, environment_id) < (@after_at, @after_id)
          and created_at between @created_from and @created_to
          and (@archived_too or archived_at is null)
        order by created_at desc, environment_id desc
        limit @limit
        """;

    public const string Update =
        """
        update environments
        set name = @name, description = @description, config = @config, metadata = @metadata, updated_at = @updated_at, archived_at = @archived_at
        where tenant_id = @tenant_id and environment_id = @environment_id
        """;

    public const string Delete = "delete from environments where tenant_id = @tenant_id and environment_id = @environment_id";
}
