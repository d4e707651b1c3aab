using Insula.Tenancy.Prices;

namespace Insula.Tenancy.Usage;

/// <summary>One step with what it used, as the ledger keeps it. It names what belongs to the tenant's store by text only.</summary>
/// <param name="Id">The same in the tenant's store, in the ledger and of the hold that it settles: it is there once.</param>
/// <param name="Kind"><c>model</c> or <c>tool</c>.</param>
/// <param name="Name">The model or the tool.</param>
/// <param name="Principal">Who began the run: <c>key:key_…</c>, <c>schedule:sched_…</c>; empty when nobody knows.</param>
/// <param name="CostMicros">Null when nobody knows the price.</param>
public sealed record UsageEntry(
    string Id,
    DateTimeOffset At,
    string Kind,
    string Name,
    string Agent,
    string Session,
    string Run,
    string Principal,
    Quantities Used,
    long? CostMicros,
    string? PriceVersion);

/// <summary>What was used, summed up.</summary>
/// <param name="Items">Model calls and tool calls.</param>
/// <param name="Unpriced">How many of them had no price: their cost is in no sum.</param>
public sealed record UsageSum(
    long Items, long Unpriced, long InputTokens, long OutputTokens, long CacheReadTokens, long CacheWriteTokens, long ReasoningTokens, long CostMicros)
{
    public static UsageSum Nothing { get; } = new(0, 0, 0, 0, 0, 0, 0, 0);

    public static UsageSum operator +(UsageSum a, UsageSum b) => new(
        a.Items + b.Items,
        a.Unpriced + b.Unpriced,
        a.InputTokens + b.InputTokens,
        a.OutputTokens + b.OutputTokens,
        a.CacheReadTokens + b.CacheReadTokens,
        a.CacheWriteTokens + b.CacheWriteTokens,
        a.ReasoningTokens + b.ReasoningTokens,
        checked(a.CostMicros + b.CostMicros));

    public static UsageSum Of(UsageEntry entry) => new(
        1,
        entry.CostMicros is null ? 1 : 0,
        entry.Used.Input,
        entry.Used.Output,
        entry.Used.CacheRead,
        entry.Used.CacheWrite,
        entry.Used.Reasoning,
        entry.CostMicros ?? 0);
}

/// <summary>The sum of one group: of a day, an agent, a model.</summary>
/// <param name="Key">Empty for what has none: no agent, no member.</param>
public sealed record UsageGroup(string Key, UsageSum Sum);

/// <summary>The sum of one day, kind and name.</summary>
public sealed record UsageDay(DateOnly Day, string Kind, string Name, UsageSum Sum);

public enum UsageGrouping
{
    Day,
    Agent,
    Model,
    Key,
    Member,
    Session,
    Run,
    Kind,
}

/// <summary>Which usage to sum up; null members do not filter.</summary>
/// <param name="From">The first moment.</param>
/// <param name="To">The first moment after.</param>
public sealed record UsageFilter(
    DateTimeOffset From,
    DateTimeOffset To,
    string? Agent = null,
    string? Model = null,
    string? Session = null,
    string? Run = null,
    string? Key = null,
    string? Member = null);
