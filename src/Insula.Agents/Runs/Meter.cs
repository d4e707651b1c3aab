using Insula.Agents.Models;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>
/// Gives what a step used its row, with the cost by the price that was in force when the step began: a price that changes
/// meanwhile, or before the row reaches the ledger, changes nothing.
/// </summary>
/// <param name="signal">Told that a tenant's outbox has something new; null where nobody ships.</param>
internal sealed class Meter(PriceCatalog prices, TimeProvider time, UsageSignal? signal = null)
{
    /// <summary>Rows that were made here are in the tenant's store now. If nobody hears of it the tenant's mark tells.</summary>
    public void Recorded(Id<Tenant> tenant) => signal?.Invoke(tenant);

    /// <param name="id">Chosen before the call, so that what was held for it can be settled by it.</param>
    /// <param name="began">When the request began.</param>
    public UsageRow Model(RunJournal journal, Id<UsageRow> id, string model, TokenUsage used, DateTimeOffset began)
    {
        var price = prices.Find(model, began);
        return Row(journal, id, UsageRow.Model, model) with
        {
            Tokens = used,
            CostMicros = price?.CostOf(new Quantities(used.Input, used.Output, used.CacheRead, used.CacheWrite, used.Reasoning, used == default ? 0 : 1)),
            PriceVersion = price?.Version,
        };
    }

    /// <summary>A tool costs nothing unless it has a price, and nothing when it was not asked.</summary>
    public UsageRow Tool(RunJournal journal, string tool, DateTimeOffset began)
    {
        var price = prices.FindGood(PriceCatalog.ToolCall, tool, began);
        return Row(journal, Id<UsageRow>.New(), UsageRow.Tool, tool) with { CostMicros = price?.CostOf(new Quantities(Units: 1)) ?? 0, PriceVersion = price?.Version };
    }

    public UsageRow Unasked(RunJournal journal, string tool) => Row(journal, Id<UsageRow>.New(), UsageRow.Tool, tool) with { CostMicros = 0 };

    private UsageRow Row(RunJournal journal, Id<UsageRow> id, string kind, string name) =>
        new(id, journal.Session.Id, journal.Run!.Id, kind, name, default, time.GetUtcNow()) { Agent = journal.Session.AgentId, Principal = journal.Principal };
}

/// <summary>Tells the shipper that a tenant's outbox has something new.</summary>
public delegate void UsageSignal(Id<Tenant> tenant);
