using System.Text.Json;
using Insula.Agents.Environments;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Storage.TenantData;

internal sealed class EnvironmentStore(Database database, string tenant) : IEnvironmentStore
{
    public Task AddAsync(AgentEnvironment environment, CancellationToken ct) => database.ChangeAsync(
        EnvironmentSql.Insert,
        ct,
        ("@tenant_id", tenant),
        ("@environment_id", environment.Id.ToString()),
        ("@name", environment.Name),
        ("@description", environment.Description),
        ("@config", Rows.ToJson(environment.Config)),
        ("@metadata", Rows.ToJson(environment.Metadata)),
        ("@created_at", Instant.ToNumber(environment.CreatedAt)),
        ("@updated_at", Instant.ToNumber(environment.UpdatedAt)),
        ("@archived_at", Instant.ToValue(environment.ArchivedAt)));

    public Task<AgentEnvironment?> FindAsync(Id<AgentEnvironment> id, CancellationToken ct) =>
        database.FirstAsync(EnvironmentSql.Find, Read, ct, ("@tenant_id", tenant), ("@environment_id", id.ToString()));

    public async Task<Page<AgentEnvironment>> ListAsync(EnvironmentFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"environments {tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var created = Moments.Of(filter.Created);
        var rows = await database.AllAsync(
            EnvironmentSql.List,
            Read,
            ct,
            ("@tenant_id", tenant),
            ("@after_at", after.At),
            ("@after_id", after.Id),
            ("@created_from", created.From),
            ("@created_to", created.To),
            ("@archived_too", filter.IncludeArchived),
            ("@limit", page.Limit + 1));
        return Pages.Cut(rows, page.Limit, last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list));
    }

    public Task<bool> ReplaceAsync(AgentEnvironment expected, AgentEnvironment changed, CancellationToken ct)
    {
        if (changed.Id != expected.Id) throw new ArgumentException("An environment cannot be replaced by another.", nameof(changed));
        return database.WriteAsync(
            async link =>
            {
                // The whole row is compared: two changes may fall on one tick of the clock.
                var current = await link.LockAsync(EnvironmentSql.Find, Read, ("@tenant_id", tenant), ("@environment_id", expected.Id.ToString()));
                if (current is null || !Same(current, expected)) return false;
                link.Post(
                    EnvironmentSql.Update,
                    ("@tenant_id", tenant),
                    ("@environment_id", changed.Id.ToString()),
                    ("@name", changed.Name),
                    ("@description", changed.Description),
                    ("@config", Rows.ToJson(changed.Config)),
                    ("@metadata", Rows.ToJson(changed.Metadata)),
                    ("@updated_at", Instant.ToNumber(changed.UpdatedAt)),
                    ("@archived_at", Instant.ToValue(changed.ArchivedAt)));
                return true;
            },
            ct);
    }

    public async Task<bool> RemoveAsync(Id<AgentEnvironment> id, CancellationToken ct) =>
        await database.ChangeAsync(EnvironmentSql.Delete, ct, ("@tenant_id", tenant), ("@environment_id", id.ToString())) > 0;

    private static bool Same(AgentEnvironment a, AgentEnvironment b) =>
        JsonElement.DeepEquals(a.Config, b.Config)
        && a.Metadata.Count == b.Metadata.Count
        && a.Metadata.All(pair => b.Metadata.TryGetValue(pair.Key, out var value) && string.Equals(pair.Value, value, StringComparison.Ordinal))
        && a == b with { Config = a.Config, Metadata = a.Metadata };

    private static AgentEnvironment Read(DbDataReader row) => new(
        row.Id<AgentEnvironment>(0),
        row.GetString(1),
        row.TextOrNull(2),
        row.Json<JsonElement>(3),
        row.Json<IReadOnlyDictionary<string, string>>(4),
        row.Moment(5),
        row.Moment(6),
        row.MomentOrNull(7));
}
