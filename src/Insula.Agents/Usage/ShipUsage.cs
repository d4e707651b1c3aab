using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Usage;

/// <summary>
/// Brings one tenant's usage into the ledger: adds it there, then takes it out of the tenant's store. A crash in between
/// leaves it in both, and the ledger leaves out what it has. Any node may do it, and two at once.
/// </summary>
public sealed class ShipUsage(ITenantStores stores, IUsageLedger ledger, UsageMetrics metrics, ILogger<ShipUsage> log)
{
    private const int RowsAtOnce = 200;

    /// <summary>Goes on until the outbox is empty.</summary>
    public async Task RunAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        var scope = SystemTask.Meter.For(tenant);
        while (true)
        {
            IReadOnlyList<UsageEntry> rows;
            await using (var store = await stores.OpenAsync(scope, ct))
            {
                rows = await store.Usage.ListAsync(RowsAtOnce, ct);
                if (rows.Count == 0) return;
                UsageLog.At(log, tenant, UsagePoint.BeforeLedger);
                var added = await ledger.AddAsync(tenant, rows, ct);
                UsageLog.At(log, tenant, UsagePoint.AfterLedger);
                await store.Usage.RemoveAsync(rows, ct);
                metrics.Shipped(added, rows.Count - added);
            }

            UsageLog.At(log, tenant, UsagePoint.AfterRemove);
            if (rows.Count < RowsAtOnce) return;
        }
    }
}
