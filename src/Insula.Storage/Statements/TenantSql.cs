namespace Insula.Storage.Statements;

internal static class TenantSql
{
    private const string Columns = "tenant_id, name, email, plan, placement, server, status, overrides, created_at, updated_at, suspended_at, suspended_reason, add_ons";

    public const string Insert =
        """
        insert into tenants (tenant_id, name, name_folded, email, plan, placement, server, status, overrides, created_at, updated_at, suspended_at, suspended_reason, add_ons)
        values (@tenant_id, @name, @name_folded, @email, @plan, @placement, @server, @status, @overrides, @created_at, @updated_at, @suspended_at, @suspended_reason, @add_ons)
        """;

    public const string Find = $"select {Columns} from tenants where tenant_id = @tenant_id";

    public const string ByKey = $"select {Columns} from tenants where tenant_id > @after order by tenant_id limit @limit";

    public const string List =
        $"""
        select {Columns} from tenants
        where (created_at, tenant_id) < (@after_at, @after_id)
          and (cast(@status as text) is null or status = @status)
          and (cast(@plan as text) is null or plan = @plan)
          and (cast(@placement as text) is null or placement = @placement)
          and (cast(@server as text) is null or server = @server)
          and substr(name_folded, 1, length(@name_prefix)) = @name_prefix
        order by created_at desc, tenant_id desc
        limit @limit
        """;

    public const string Update =
        """
        update tenants
        set name = @name, name_folded = @name_folded, email = @email, plan = @plan, placement = @placement, server = @server, status = @status,
            overrides = @overrides, updated_at = @updated_at, suspended_at = @suspended_at, suspended_reason = @suspended_reason, add_ons = @add_ons
        where tenant_id = @tenant_id
        """;
}
