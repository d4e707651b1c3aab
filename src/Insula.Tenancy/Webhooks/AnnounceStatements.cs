using System.Text.Json;
using Insula.Tenancy.Billing;
using Insula.Tenancy.Prices;

namespace Insula.Tenancy.Webhooks;

/// <summary>Tells tenants that ask for it that the statement of the month before is final. Each month once, whichever node looks and however often.</summary>
public sealed class AnnounceStatements(IWebhookStore store, ShowStatement statements, TimeProvider time)
{
    public async Task RunAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var before = DateOnly.FromDateTime(now.UtcDateTime).AddDays(1 - now.UtcDateTime.Day).AddMonths(-1);
        var month = new Month(before.Year, before.Month);
        foreach (var tenant in await store.ListTenantsAsync(WebhookEvents.StatementReady, ct))
        {
            if ((await statements.OfAsync(tenant, month, ct)).Failed(out _, out var statement) || !statement.Final || statement.Tenant.CreatedAt >= new DateTimeOffset(month.End, TimeOnly.MinValue, TimeSpan.Zero)) continue;
            var total = statement.Total.CostMicros;
            var data = JsonSerializer.Serialize(new Dictionary<string, object> { ["month"] = month.ToString(), ["total_micros"] = total, ["total"] = Dollars.Format(total), ["currency"] = "USD" });
            await store.PutAsync(tenant, WebhookEvents.StatementReady, month.ToString(), data, now, ct);
        }
    }
}
