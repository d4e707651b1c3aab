using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Prices;

/// <param name="From">Null for at once.</param>
public sealed record PriceChange(string Name, DateTimeOffset? From, Rates Rates, bool Ceiling);

/// <summary>Adds a version of a price. Versions before it stay: what was used at their time keeps its cost.</summary>
public sealed class PutPrice(IPriceStore store, PriceCatalog catalog, IWakes wakes, TimeProvider time)
{
    /// <summary>Faults: Invalid, naming the field.</summary>
    public async Task<Result<Price>> RunAsync(OperatorScope scope, PriceChange change, CancellationToken ct)
    {
        var now = time.NowInMicroseconds();
        var from = change.From?.InMicroseconds() ?? now;
        if (from < now) return Fault.Invalid("from", $"from is {from:O}, which is over: a price changes nothing that was used already. Leave it out for at once, or give a moment to come.");
        var price = new Price(change.Name, Id<Price>.New().ToString(), from, change.Rates, change.Ceiling) { SetAt = now };
        if (PriceRules.Check(price) is { } fault) return fault;

        await store.AddAsync(price, new AuditRecord(null, scope.Principal, "price.put", price.Name, price.Version, now), ct);
        catalog.Put([price]);
        wakes.Announce(WakeTopic.Access, FollowAccess.Plans);
        return price;
    }
}
