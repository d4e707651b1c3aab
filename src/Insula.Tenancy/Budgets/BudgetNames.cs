using System.Text.Json;

namespace Insula.Tenancy.Budgets;

/// <summary>Scopes and periods as they are written outside and stored.</summary>
public static class BudgetNames
{
    public static IReadOnlyList<string> Periods { get; } = [.. Enum.GetValues<BudgetPeriod>().Select(Of)];

    public static string Of(BudgetScope scope) => JsonNamingPolicy.SnakeCaseLower.ConvertName(scope.ToString());

    public static string Of(BudgetPeriod period) => JsonNamingPolicy.SnakeCaseLower.ConvertName(period.ToString());

    public static BudgetPeriod? PeriodOf(string name) => Find<BudgetPeriod>(name, Of);

    public static BudgetScope? ScopeOf(string name) => Find<BudgetScope>(name, Of);

    private static T? Find<T>(string name, Func<T, string> nameOf)
        where T : struct, Enum
    {
        foreach (var value in Enum.GetValues<T>())
        {
            if (string.Equals(nameOf(value), name, StringComparison.Ordinal)) return value;
        }

        return null;
    }
}
