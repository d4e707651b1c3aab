namespace Insula.Storage.Statements;

internal static class ApiKeySql
{
    private const string Columns = "key_id, tenant_id, name, handle, hash, pepper_version, permissions, created_at, expires_at, revoked_at, last_used_at, rotated_to, limits, member_id";

    public const string CountInForce = "select count(*) from api_keys where tenant_id = @tenant_id and revoked_at is null and (expires_at is null or expires_at > @now)";

    public const string Insert =
        """
        insert into api_keys (tenant_id, key_id, name, handle, hash, pepper_version, permissions, created_at, expires_at, revoked_at, last_used_at, rotated_to, limits, member_id)
        values (@tenant_id, @key_id, @name, @handle, @hash, @pepper_version, @permissions, @created_at, @expires_at, @revoked_at, @last_used_at, @rotated_to, @limits, @member_id)
        """;

    /// <summary>The key, then its member, so that a role that is read is never older than the key.</summary>
    public const string FindByHandle =
        $"""
        select k.*, m.*
        from (select {Columns} from api_keys where handle = @handle) k
        left join (select {MemberSql.Columns} from members) m on m.tenant_id = k.tenant_id and m.member_id = k.member_id
        """;

    public const string Find = $"select {Columns} from api_keys where tenant_id = @tenant_id and key_id = @key_id";

    public const string List =
        $"""
        select {Columns} from api_keys
        where tenant_id = @tenant_id and (created_at, key_id) < (@after_at, @after_id)
          and (cast(@member_id as text) is null or member_id = @member_id)
        order by created_at desc, key_id desc
        limit @limit
        """;

    public const string Revoke =
        "update api_keys set revoked_at = @at where tenant_id = @tenant_id and key_id = @key_id and revoked_at is null";

    public const string RevokeOfMember =
        "update api_keys set revoked_at = @at where tenant_id = @tenant_id and member_id = @member_id and revoked_at is null returning key_id";

    /// <summary>A key that expires sooner by itself keeps its own end.</summary>
    public const string Rotate =
        """
        update api_keys
        set rotated_to = @rotated_to, expires_at = case when expires_at < @expires_at then expires_at else @expires_at end
        where tenant_id = @tenant_id and key_id = @key_id and revoked_at is null and rotated_to is null
        """;

    public const string Touch =
        "update api_keys set last_used_at = @at where tenant_id = @tenant_id and key_id = @key_id and (last_used_at is null or last_used_at < @at)";
}
