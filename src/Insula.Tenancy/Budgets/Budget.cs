using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Budgets;

/// <summary>A ceiling on what one node of the tree may spend in a period, with what it has spent and holds.</summary>
/// <param name="Tenant">Whose tree it is in; null for the platform's own.</param>
/// <param name="LimitMicros">Millionths of a dollar. Nothing begins that could take the node beyond it.</param>
/// <param name="Thresholds">Percentages of the limit, rising, at which it says so; they stop nothing.</param>
/// <param name="SetBy">The principal who set it last.</param>
public sealed record Budget(
    BudgetKey Key,
    Id<Tenant>? Tenant,
    long LimitMicros,
    BudgetPeriod Period,
    IReadOnlyList<int> Thresholds,
    string SetBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    /// <summary>Settled in this period.</summary>
    public long SpentMicros { get; init; }

    /// <summary>Set aside for steps that are under way, or whose cost is not settled yet. It outlives the period.</summary>
    public long HeldMicros { get; init; }

    public DateTimeOffset PeriodStart { get; init; }

    /// <summary>When the spending counts anew; null for never.</summary>
    public DateTimeOffset? ResetsAt => BudgetPeriods.EndOf(Period, PeriodStart);

    /// <summary>Never below 0, though a limit that was lowered may lie below what is spent.</summary>
    public long LeftMicros => Math.Max(0, LimitMicros - SpentMicros - HeldMicros);

    /// <summary>Whether what is spent is so much of the limit.</summary>
    public bool HasReached(int percent) => SpentMicros * 100m >= LimitMicros * (decimal)percent;

    /// <summary>As it stands at <paramref name="now"/>: a new period begins with nothing spent. A clock that was set back begins none.</summary>
    public Budget At(DateTimeOffset now) =>
        BudgetPeriods.StartOf(Period, now) is var start && start > PeriodStart ? this with { PeriodStart = start, SpentMicros = 0 } : this;
}

/// <summary>A budget said that its spending reached a threshold.</summary>
public sealed record BudgetNotice(Budget Budget, int Percent, DateTimeOffset At);

/// <summary>What a node of the tree is.</summary>
public enum BudgetScope
{
    /// <summary>The whole installation.</summary>
    Platform,

    Tenant,

    Agent,

    Session,

    /// <summary>The budget that a session's maker gave it with the session itself; it goes with the session.</summary>
    SessionOwn,

    /// <summary>What each single run of the tenant may cost. Nothing is counted here: a run counts for itself.</summary>
    Run,
}

public enum BudgetPeriod
{
    /// <summary>From midnight, UTC.</summary>
    Day,

    /// <summary>From Monday, UTC.</summary>
    Week,

    /// <summary>From the first of the month, UTC.</summary>
    Month,

    /// <summary>Once, for as long as the budget stands.</summary>
    Life,
}

/// <summary>Names a node of the tree.</summary>
/// <param name="Subject">The id of the tenant, agent or session; empty for the platform.</param>
public readonly record struct BudgetKey(BudgetScope Scope, string Subject)
{
    public static BudgetKey Platform { get; } = new(BudgetScope.Platform, "");

    public static BudgetKey Of(Id<Tenant> tenant) => new(BudgetScope.Tenant, tenant.ToString());

    /// <summary>What each run of the tenant may cost.</summary>
    public static BudgetKey RunsOf(Id<Tenant> tenant) => new(BudgetScope.Run, tenant.ToString());

    /// <summary>Null for what names no node.</summary>
    public static BudgetKey? Parse(string text)
    {
        if (string.Equals(text, Platform.ToString(), StringComparison.Ordinal)) return Platform;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && colon < text.Length - 1 && BudgetNames.ScopeOf(text[..colon]) is { } scope and not BudgetScope.Platform ? new BudgetKey(scope, text[(colon + 1)..]) : null;
    }

    /// <summary>As it is stored and shown: <c>agent:agent_…</c>.</summary>
    public override string ToString() => Scope == BudgetScope.Platform ? "platform" : $"{BudgetNames.Of(Scope)}:{Subject}";
}
