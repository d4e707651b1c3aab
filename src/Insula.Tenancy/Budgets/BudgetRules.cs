using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Budgets;

/// <summary>What a budget may be.</summary>
public static class BudgetRules
{
    /// <summary>A thousand million dollars: far from where sums of micro-dollars leave 64 bits.</summary>
    public const long LimitMicrosMax = 1_000_000_000_000_000;

    /// <summary>Budgets of one tenant's tree, those of sessions' own not counted.</summary>
    public const int BudgetsMax = 1000;

    private const int ThresholdsMax = 10;

    public static IReadOnlyList<int> ThresholdsDefault { get; } = [50, 80, 100];

    public static Fault? Violation(long limitMicros, IReadOnlyList<int> thresholds)
    {
        if (limitMicros is < 0 or > LimitMicrosMax) return Fault.Invalid("limit_micros", $"limit_micros must be from 0 to {LimitMicrosMax}, in millionths of a dollar.");
        if (thresholds.Count > ThresholdsMax || thresholds.Any(static percent => percent is < 1 or > 100) || !thresholds.SequenceEqual(thresholds.Distinct().Order()))
            return Fault.Invalid("thresholds", $"thresholds must be at most {ThresholdsMax} percentages from 1 to 100, rising.");
        return null;
    }
}
