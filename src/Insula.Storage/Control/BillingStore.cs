using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

internal sealed class BillingStore(ControlDatabase control) : IBillingStore
{
    public Task<string?> FindCustomerAsync(Id<Tenant> tenant, CancellationToken ct) =>
        control.For(tenant).FirstAsync(BillingSql.FindCustomer, static row => row.GetString(0), ct, ("@tenant_id", tenant.ToString()));

    public Task SetCustomerAsync(Id<Tenant> tenant, string? customer, AuditRecord record, CancellationToken ct) => control.For(tenant).WriteAsync(
        link =>
        {
            Alone(link, tenant);
            if (customer is null) link.Post(BillingSql.RemoveCustomer, ("@tenant_id", tenant.ToString()));
            else link.Post(BillingSql.PutCustomer, ("@tenant_id", tenant.ToString()), ("@customer", customer));
            AuditLog.Append(link, record);
            return ValueTask.CompletedTask;
        },
        ct);

    public async Task<int> ReportAsync(DateTimeOffset at, CancellationToken ct)
    {
        var made = 0;
        foreach (var (tenant, customer) in await control.Platform.AllAsync(BillingSql.Customers, static row => (row.Id<Tenant>(0), row.GetString(1)), ct))
        {
            made += await control.For(tenant).WriteAsync(link => ReportAsync(link, tenant, customer, at), ct);
        }

        return made;
    }

    public async Task<IReadOnlyList<MeterEvent>> ListDueAsync(DateTimeOffset now, DateTimeOffset begunAfter, int limit, CancellationToken ct) => await control.Platform.AllAsync(
        BillingSql.Due,
        static row => new MeterEvent(row.Id<Tenant>(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.Moment(4), row.GetInt32(5), row.Moment(6)),
        ct,
        ("@now", Instant.ToNumber(now)),
        ("@begun_after", Instant.ToNumber(begunAfter)),
        ("@limit", limit));

    public async Task<bool> TryTakeAsync(MeterEvent report, DateTimeOffset now, DateTimeOffset until, CancellationToken ct) => await control.For(report.Tenant).ChangeAsync(
        BillingSql.Take,
        ct,
        [.. Of(report), ("@now", Instant.ToNumber(now)), ("@until", Instant.ToNumber(until)), ("@due_at", Instant.ToNumber(report.DueAt))]) == 1;

    public Task SentAsync(MeterEvent report, DateTimeOffset at, CancellationToken ct) => control.For(report.Tenant).ChangeAsync(BillingSql.Sent, ct, [.. Of(report), ("@at", Instant.ToNumber(at))]);

    public Task FailedAsync(MeterEvent report, DateTimeOffset next, string why, CancellationToken ct) =>
        control.For(report.Tenant).ChangeAsync(BillingSql.Failed, ct, [.. Of(report), ("@next", Instant.ToNumber(next)), ("@error", why)]);

    public Task<(long Waiting, long Stuck)> CountAsync(DateTimeOffset begunAfter, CancellationToken ct) =>
        control.Platform.FirstAsync(BillingSql.Count, static row => (row.GetInt64(0), row.GetInt64(1)), ct, ("@begun_after", Instant.ToNumber(begunAfter)));

    /// <summary>Alone with the tenant's ledger, so that two reports at once are not both of the same cost.</summary>
    private static async ValueTask<int> ReportAsync(Link link, Id<Tenant> tenant, string customer, DateTimeOffset at)
    {
        Alone(link, tenant);
        var owed = await link.FirstAsync(BillingSql.Owed, static row => row.GetInt64(0), ("@tenant_id", tenant.ToString()), ("@customer", customer));
        if (owed <= 0) return 0;
        link.Post(
            BillingSql.Insert,
            ("@tenant_id", tenant.ToString()),
            ("@event_id", $"mev_{Id<Tenant>.New().ToString()["tnt_".Length..]}"),
            ("@customer", customer),
            ("@value", owed),
            ("@at", Instant.ToNumber(at)));
        link.Post(BillingSql.Advance, ("@tenant_id", tenant.ToString()), ("@value", owed));
        return 1;
    }

    private static void Alone(Link link, Id<Tenant> tenant) => link.Alone($"usage {tenant}");

    private static (string Name, object? Value)[] Of(MeterEvent report) => [("@tenant_id", report.Tenant.ToString()), ("@event_id", report.Id)];
}
