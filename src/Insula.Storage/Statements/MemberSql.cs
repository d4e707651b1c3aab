namespace Insula.Storage.Statements;

internal static class MemberSql
{
    internal const string Columns = "member_id, tenant_id, name, email, role, limits, created_at, removed_at";

    public const string Count = "select count(*) from members where tenant_id = @tenant_id and removed_at is null";

    public const string Insert =
        """
        insert into members (tenant_id, member_id, name, email, role, limits, created_at)
        values (@tenant_id, @member_id, @name, @email, @role, @limits, @created_at)
        """;

    public const string Find = $"select {Columns} from members where tenant_id = @tenant_id and member_id = @member_id";

    public const string FindPresent = "select 1 from members where tenant_id = @tenant_id and member_id = @member_id and removed_at is null";

    public const string FindByEmail = "select 1 from members where tenant_id = @tenant_id and email = @email and removed_at is null";

    public const string List =
        $"""
        select {Columns} from members
        where tenant_id = @tenant_id and (created_at, member_id) < (@after_at, @after_id)
          and (cast(@role as text) is null or role = @role)
          and (@removed = 1 or removed_at is null)
        order by created_at desc, member_id desc
        limit @limit
        """;

    public const string Update = "update members set name = @name, role = @role, limits = @limits where tenant_id = @tenant_id and member_id = @member_id";

    public const string Remove = "update members set removed_at = @at where tenant_id = @tenant_id and member_id = @member_id";
}
