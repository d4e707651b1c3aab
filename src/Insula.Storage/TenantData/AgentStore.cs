using Insula.Agents.Agents;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Quotas;

namespace Insula.Storage.TenantData;

internal sealed class AgentStore(Database database, string tenant) : IAgentStore
{
    public Task<Result<Done>> AddAsync(Agent agent, int agentsMax, CancellationToken ct) => database.WriteAsync<Result<Done>>(
        async link =>
        {
            // The quota is a rule over all agents: two that are added at once must see each other. They are few enough to count.
            link.Alone($"agents {tenant}");
            var used = await link.FirstAsync(AgentSql.Count, static row => row.GetInt64(0), ("@tenant_id", tenant));
            if (used >= agentsMax) return QuotaFaults.Full("agents", used, agentsMax, "Archive one that is not needed");
            link.Post(
                AgentSql.Insert,
                ("@tenant_id", tenant),
                ("@agent_id", agent.Id.ToString()),
                ("@name", agent.Definition.Name),
                ("@newest_version", agent.Version),
                ("@created_at", Instant.ToNumber(agent.CreatedAt)),
                ("@archived_at", Instant.ToValue(agent.ArchivedAt)));
            InsertVersion(link, agent);
            return new Done();
        },
        ct);

    public Task<Agent?> FindAsync(Id<Agent> id, int? version, CancellationToken ct) => version is { } exact
        ? database.FirstAsync(AgentSql.FindVersion, Read, ct, ("@tenant_id", tenant), ("@agent_id", id.ToString()), ("@version", exact))
        : database.FirstAsync(AgentSql.FindNewest, Read, ct, ("@tenant_id", tenant), ("@agent_id", id.ToString()));

    public async Task<Page<Agent>> ListAsync(AgentFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"agents {tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var created = Moments.Of(filter.Created);
        var rows = await database.AllAsync(
            AgentSql.List,
            Read,
            ct,
            ("@tenant_id", tenant),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@created_from", created.From),
            ("@created_to", created.To),
            ("@archived_too", filter.IncludeArchived),
            ("@name", filter.Name),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list));
    }

    public async Task<Page<Agent>> VersionsAsync(Id<Agent> id, PageRequest page, CancellationToken ct)
    {
        var list = $"versions {tenant} {id}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var rows = await database.AllAsync(
            AgentSql.ListVersions,
            Read,
            ct,
            ("@tenant_id", tenant),
            ("@agent_id", id.ToString()),
            ("@after_version", after.At),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(last.Version, "").ToText(list));
    }

    public Task<bool> AddVersionAsync(Agent next, CancellationToken ct) => database.WriteAsync(
        async link =>
        {
            var advanced = await link.RunAsync(
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

    public Task<Agent?> ArchiveAsync(Id<Agent> id, DateTimeOffset at, CancellationToken ct) => database.WriteAsync(
        link =>
        {
            link.Post(AgentSql.Archive, ("@tenant_id", tenant), ("@agent_id", id.ToString()), ("@at", Instant.ToNumber(at)));
            return link.LastAsync(AgentSql.FindNewest, Read, ("@tenant_id", tenant), ("@agent_id", id.ToString()));
        },
        ct);

    private void InsertVersion(Link link, Agent agent) => link.Post(
        AgentSql.InsertVersion,
        ("@tenant_id", tenant),
        ("@agent_id", agent.Id.ToString()),
        ("@version", agent.Version),
        ("@definition", Rows.ToJson(agent.Definition)),
        ("@updated_at", Instant.ToNumber(agent.UpdatedAt)));

    private static Agent Read(DbDataReader row) =>
        new(row.Id<Agent>(0), row.GetInt32(1), row.Json<AgentDefinition>(2), row.Moment(3), row.Moment(4), row.MomentOrNull(5));
}
