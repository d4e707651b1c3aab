using Insula.Agents.Usage;
using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Usage;

namespace Insula.Storage.TenantData;

internal sealed class UsageOutbox(Database database, string tenant) : IUsageOutbox
{
    public async Task<IReadOnlyList<UsageEntry>> ListAsync(int limit, CancellationToken ct) =>
        await database.AllAsync(UsageSql.Outbox, Read, ct, ("@tenant_id", tenant), ("@limit", limit));

    public Task RemoveAsync(IReadOnlyList<UsageEntry> shipped, CancellationToken ct) => database.WriteAsync(
        link =>
        {
            link.Post(
                link.Dialect == Dialect.Sqlite ? UsageSql.RemoveShippedSqlite : UsageSql.RemoveShippedPostgres,
                ("@tenant_id", tenant),
                ("@ids", Rows.ToList(link, shipped, static entry => entry.Id)));
            return ValueTask.CompletedTask;
        },
        ct);

    private static UsageEntry Read(DbDataReader row) => new(
        row.GetString(0),
        row.Moment(1),
        row.GetString(2),
        row.GetString(3),
        row.TextOrNull(4) ?? "",
        row.GetString(5),
        row.GetString(6),
        row.TextOrNull(7) ?? "",
        new Quantities(row.GetInt64(8), row.GetInt64(9), row.GetInt64(10), row.GetInt64(11), row.GetInt64(12)),
        row.IsDBNull(13) ? null : row.GetInt64(13),
        row.TextOrNull(14));
}
