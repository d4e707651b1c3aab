namespace Insula.Storage.Statements;

internal static class KnowledgeSql
{
    private const string Columns = "source_id, name, content_hash, media_type, bytes, passages, metadata, learned_at";

    public const string InsertSource =
        $"""
        insert into knowledge_sources (tenant_id, {Columns})
        values (@tenant_id, @source_id, @name, @content_hash, @media_type, @bytes, @passages, @metadata, @learned_at)
        """;

    public const string InsertPassage =
        """
        insert into knowledge_passages (tenant_id, source_id, ordinal, heading, text)
        values (@tenant_id, @source_id, @ordinal, @heading, @text)
        """;

    public const string FindByName = $"select {Columns} from knowledge_sources where tenant_id = @tenant_id and name = @name";

    public const string Find = $"select {Columns} from knowledge_sources where tenant_id = @tenant_id and source_id = @source_id";

    public const string List =
        $"""
        select {Columns} from knowledge_sources
        where tenant_id = @tenant_id and (learned_at, source_id) < (@after_at, @after_id)
        order by learned_at desc, source_id desc
        limit @limit
        """;

    public const string ListIds = "select source_id from knowledge_sources where tenant_id = @tenant_id order by source_id";

    public const string Passages =
        "select ordinal, heading, text from knowledge_passages where tenant_id = @tenant_id and source_id = @source_id order by ordinal";

    public const string Totals = "select cast(coalesce(sum(passages), 0) as bigint), cast(coalesce(sum(bytes), 0) as bigint) from knowledge_sources where tenant_id = @tenant_id";

    /// <summary>Holds the head until the commit, so that versions become visible in their order.</summary>
    public const string Advance =
        """
        insert into heads (tenant_id, name, version) values (@tenant_id, 'knowledge', 1)
        on conflict (tenant_id, name) do update set version = heads.version + 1
        """;

    public const string Version = "select version from heads where tenant_id = @tenant_id and name = 'knowledge'";

    public const string Delete = "delete from knowledge_sources where tenant_id = @tenant_id and source_id = @source_id";
}
