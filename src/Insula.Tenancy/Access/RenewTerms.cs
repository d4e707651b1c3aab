using Insula.Tenancy.Plans;
using Insula.Tenancy.Prices;

namespace Insula.Tenancy.Access;

/// <summary>Brings the plans and prices that other nodes put into this node's memory.</summary>
public sealed class RenewTerms(IPlanStore planStore, PlanCatalog plans, IPriceStore priceStore, PriceCatalog prices)
{
    public async Task RunAsync(CancellationToken ct)
    {
        plans.Renew(await planStore.AllAsync(ct));
        prices.Put(await priceStore.AllAsync(ct));
    }
}
