using Insula.Agents.Agents;
using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.TenantData;

internal sealed class AgentStore(SqliteFile file, string tenant) : IAgentStore
{
    public Task AddAsync(Agent agent, CancellationToken ct) => file.WriteAsync(
        link =>
        {
            link.Run(
                AgentSql.Insert,
                ("@tenant_id", tenant),
                ("@agent_id", agent.Id.ToString()),
                ("@name", agent.Definition.Name),
                ("@newest_version", agent.Version),
                ("@created_at", Instant.ToNumber(agent.CreatedAt)),
                ("@archived_at", Instant.ToNumber(agent.ArchivedAt)));
            InsertVersion(link, agent);
            return true;
        },
        ct);

    public Task<Agent?> FindAsync(Id<Agent> id, int? version, CancellationToken ct) => file.ReadAsync(
        link => version is { } exact
            ? link.First(AgentSql.FindVersion, Read, ("@tenant_id", tenant), ("@agent_id", id.ToString()), ("@version", exact))
            : FindNewest(link, id),
        ct);

    public Task<Page<Agent>> ListAsync(AgentFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"agents {tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var created = Moments.Of(filter.Created);
        return file.ReadAsync(
            link => Pages.Cut(
                link.All(
                    AgentSql.List,
                    Read,
                    ("@tenant_id", tenant),
                    ("@after_at", after.At),
                    ("@after_id", after.Id),
                    ("@created_from", created.From),
                    ("@created_to", created.To),
                    ("@archived_too", filter.IncludeArchived),
                    ("@name", filter.Name),
                    ("@limit", page.Limit + 1)),
                page.Limit,
                last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list)),
            ct);
    }

    public Task<Page<Agent>> VersionsAsync(Id<Agent> id, PageRequest page, CancellationToken ct)
    {
        var list = $"versions {tenant} {id}";
        var after = Cursor.Of(page, list, Cursor.Top);
        return file.ReadAsync(
            link => Pages.Cut(
                link.All(
                    AgentSql.ListVersions,
                    Read,
                    ("@tenant_id", tenant),
                    ("@agent_id", id.ToString()),
                    ("@after_version", after.At),
                    ("@limit", page.Limit + 1)),
                page.Limit,
                last => new Cursor(last.Version, "").ToText(list)),
            ct);
    }

    public Task<bool> AddVersionAsync(Agent next, CancellationToken ct) => file.WriteAsync(
        link =>
        {
            var advanced = link.Run(
                AgentSql.Advance,
                ("@tenant_id", tenant),
                ("@agent_id", next.Id.ToString()),
                ("@version", next.Version),
                ("@name", next.Definition.Name));
            if (advanced == 0) return false;
            InsertVersion(link, next);
            return true;
        },
        ct);

    public Task<Agent?> ArchiveAsync(Id<Agent> id, DateTimeOffset at, CancellationToken ct) => file.WriteAsync(
        link =>
        {
            link.Run(AgentSql.Archive, ("@tenant_id", tenant), ("@agent_id", id.ToString()), ("@at", Instant.ToNumber(at)));
            return FindNewest(link, id);
        },
        ct);

    private void InsertVersion(SqliteLink link, Agent agent) => link.Run(
        AgentSql.InsertVersion,
        ("@tenant_id", tenant),
        ("@agent_id", agent.Id.ToString()),
        ("@version", agent.Version),
        ("@definition", Rows.ToJson(agent.Definition)),
        ("@updated_at", Instant.ToNumber(agent.UpdatedAt)));

    private Agent? FindNewest(SqliteLink link, Id<Agent> id) => link.First(AgentSql.FindNewest, Read, ("@tenant_id", tenant), ("@agent_id", id.ToString()));

    private static Agent Read(SqliteDataReader row) =>
        new(row.Id<Agent>(0), row.GetInt32(1), row.Json<AgentDefinition>(2), row.Moment(3), row.Moment(4), row.MomentOrNull(5));
}
