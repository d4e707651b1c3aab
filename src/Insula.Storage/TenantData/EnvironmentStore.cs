using System.Text.Json;
using Insula.Agents.Environments;
using Insula.Storage.Sqlite;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.TenantData;

internal sealed class EnvironmentStore(SqliteFile file, string tenant) : IEnvironmentStore
{
    public Task AddAsync(AgentEnvironment environment, CancellationToken ct) => file.WriteAsync(
        link => link.Run(
            EnvironmentSql.Insert,
            ("@tenant_id", tenant),
            ("@environment_id", environment.Id.ToString()),
            ("@name", environment.Name),
            ("@description", environment.Description),
            ("@config", Rows.ToJson(environment.Config)),
            ("@metadata", Rows.ToJson(environment.Metadata)),
            ("@created_at", Instant.ToNumber(environment.CreatedAt)),
            ("@updated_at", Instant.ToNumber(environment.UpdatedAt)),
            ("@archived_at", Instant.ToNumber(environment.ArchivedAt))),
        ct);

    public Task<AgentEnvironment?> FindAsync(Id<AgentEnvironment> id, CancellationToken ct) => file.ReadAsync(link => Find(link, id), ct);

    public Task<Page<AgentEnvironment>> ListAsync(EnvironmentFilter filter, PageRequest page, CancellationToken ct)
    {
        var list = $"environments {tenant}";
        var after = Cursor.Of(page, list, Cursor.Top);
        var created = Moments.Of(filter.Created);
        return file.ReadAsync(
            link => Pages.Cut(
                link.All(
                    EnvironmentSql.List,
                    Read,
                    ("@tenant_id", tenant),
                    ("@after_at", after.At),
                    ("@after_id", after.Id),
                    ("@created_from", created.From),
                    ("@created_to", created.To),
                    ("@archived_too", filter.IncludeArchived),
                    ("@limit", page.Limit + 1)),
                page.Limit,
                last => new Cursor(Instant.ToNumber(last.CreatedAt), last.Id.ToString()).ToText(list)),
            ct);
    }

    public Task<bool> ReplaceAsync(AgentEnvironment expected, AgentEnvironment changed, CancellationToken ct)
    {
        if (changed.Id != expected.Id) throw new ArgumentException("An environment cannot be replaced by another.", nameof(changed));
        return file.WriteAsync(
            link =>
            {
                // The whole row is compared: two changes may fall on one tick of the clock.
                if (Find(link, expected.Id) is not { } current || !Same(current, expected)) return false;
                link.Run(
                    EnvironmentSql.Update,
                    ("@tenant_id", tenant),
                    ("@environment_id", changed.Id.ToString()),
                    ("@name", changed.Name),
                    ("@description", changed.Description),
                    ("@config", Rows.ToJson(changed.Config)),
                    ("@metadata", Rows.ToJson(changed.Metadata)),
                    ("@updated_at", Instant.ToNumber(changed.UpdatedAt)),
                    ("@archived_at", Instant.ToNumber(changed.ArchivedAt)));
                return true;
            },
            ct);
    }

    public Task<bool> RemoveAsync(Id<AgentEnvironment> id, CancellationToken ct) =>
        file.WriteAsync(link => link.Run(EnvironmentSql.Delete, ("@tenant_id", tenant), ("@environment_id", id.ToString())) > 0, ct);

    private AgentEnvironment? Find(SqliteLink link, Id<AgentEnvironment> id) =>
        link.First(EnvironmentSql.Find, Read, ("@tenant_id", tenant), ("@environment_id", id.ToString()));

    private static bool Same(AgentEnvironment a, AgentEnvironment b) =>
        JsonElement.DeepEquals(a.Config, b.Config)
        && a.Metadata.Count == b.Metadata.Count
        && a.Metadata.All(pair => b.Metadata.TryGetValue(pair.Key, out var value) && string.Equals(pair.Value, value, StringComparison.Ordinal))
        && a == b with { Config = a.Config, Metadata = a.Metadata };

    private static AgentEnvironment Read(SqliteDataReader row) => new(
        row.Id<AgentEnvironment>(0),
        row.GetString(1),
        row.TextOrNull(2),
        row.Json<JsonElement>(3),
        row.Json<IReadOnlyDictionary<string, string>>(4),
        row.Moment(5),
        row.Moment(6),
        row.MomentOrNull(7));
}
