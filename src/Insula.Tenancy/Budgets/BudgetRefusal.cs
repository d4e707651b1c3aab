using System.Globalization;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Budgets;

/// <summary>What a budget that is used up says: which one, how much it is, what is used, when it begins anew, and who can raise it.</summary>
public static class BudgetRefusal
{
    public static Fault Of(Budget budget) => Fault.OutOfBudget("budget_exhausted", Describe(budget));

    public static string Describe(Budget budget) => $"{What(budget)} is used up{Numbers(budget)}. {Reset(budget)} {Raise(budget)}";

    /// <summary>In dollars, with as many places as it needs.</summary>
    public static string Money(long micros) => $"${(micros / 1_000_000m).ToString("0.00####", CultureInfo.InvariantCulture)}";

    private static string What(Budget budget) => budget.Key.Scope switch
    {
        BudgetScope.Platform => "The budget of this whole installation",
        BudgetScope.Tenant => $"The budget {budget.Key} of this tenant",
        BudgetScope.SessionOwn => $"The session's own budget ({budget.Key.Subject})",
        _ => $"The budget {budget.Key}",
    };

    // What the installation as a whole may spend is not for its tenants to read.
    private static string Numbers(Budget budget)
    {
        if (budget.Key.Scope == BudgetScope.Platform) return "";
        var held = budget.HeldMicros > 0 ? $", {Money(budget.HeldMicros)} held for steps under way" : "";
        return $": {Money(budget.LimitMicros)} {Per(budget.Period)}, {Money(budget.SpentMicros)} spent{held}";
    }

    private static string Per(BudgetPeriod period) => period == BudgetPeriod.Life ? "in all" : $"for the {BudgetNames.Of(period)}";

    private static string Reset(Budget budget) => budget.ResetsAt is { } at ? $"It begins anew at {at.UtcDateTime:yyyy-MM-dd'T'HH:mm'Z'}." : "It does not begin anew.";

    private static string Raise(Budget budget) => budget.Key.Scope switch
    {
        BudgetScope.Platform or BudgetScope.Tenant => "The operator of this installation can raise it.",
        BudgetScope.SessionOwn => "Whoever may change the session can raise it: POST /v1/sessions/{id} with a higher budget.",
        _ => $"An administrator of this tenant can raise it: PUT /api/v1/budgets/{budget.Key}.",
    };
}
