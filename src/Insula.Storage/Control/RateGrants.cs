using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class RateGrants(ControlDatabase control, TimeProvider time) : IRateGrants
{
    public Task<RateGrant> TakeAsync(RateGrantRequest request, CancellationToken ct) => control.For(request.Tenant).WriteAsync(
        link => link.LastAsync(
            link.Dialect == Dialect.Sqlite ? RateGrantSql.TakeSqlite : RateGrantSql.TakePostgres,
            static row => new RateGrant(row.GetInt64(0), row.GetInt64(1), row.GetInt64(2)),
            AtNow(
                link,
                [
                    ("@tenant_id", request.Tenant.ToString()), ("@caller", request.Caller), ("@class", RateClassList.Name(request.Class)), ("@least", request.Least),
                    ("@wanted", request.Wanted), ("@spacing", request.Spacing), ("@tolerance", request.Tolerance),
                ])),
        ct);

    public async Task<IReadOnlyList<RateRow>> ListAsync(Id<Tenant> tenant, CancellationToken ct) => await control.For(tenant).ReadAsync(
        link => link.AllAsync(
            link.Dialect == Dialect.Sqlite ? RateGrantSql.ListSqlite : RateGrantSql.ListPostgres,
            static row => new RateRow(row.GetString(0), row.Name<RateClasses>(1), TimeSpan.FromTicks(row.GetInt64(2))),
            AtNow(link, [("@tenant_id", tenant.ToString())])),
        ct);

    /// <summary>With the program's time, where the engine has no clock of its own.</summary>
    private (string Name, object? Value)[] AtNow(Link link, (string Name, object? Value)[] values) =>
        link.Dialect == Dialect.Sqlite ? [.. values, ("@now", Instant.ToNumber(time.GetUtcNow()))] : values;
}
