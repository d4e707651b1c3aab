using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Prices;

namespace Insula.Storage.Control;

internal sealed class PriceStore(ControlDatabase control) : IPriceStore
{
    public async Task<IReadOnlyList<Price>> AllAsync(CancellationToken ct) => await control.Platform.AllAsync(PriceSql.All, Read, ct);

    public Task AddAsync(Price price, AuditRecord record, CancellationToken ct) => control.Platform.WriteAsync(
        link =>
        {
            link.Post(
                PriceSql.Insert,
                ("@version", price.Version),
                ("@name", price.Name),
                ("@from_at", Instant.ToNumber(price.From)),
                ("@set_at", Instant.ToNumber(price.SetAt ?? throw new InvalidOperationException("A price of a file is not stored."))),
                ("@rates", Rows.ToJson(price.Rates)),
                ("@ceiling", price.Ceiling ? 1 : 0));
            AuditLog.Append(link, record);
            return ValueTask.CompletedTask;
        },
        ct);

    private static Price Read(DbDataReader row) => new(row.GetString(1), row.GetString(0), row.Moment(2), row.Json<Rates>(4), row.GetInt32(5) != 0) { SetAt = row.Moment(3) };
}
