using Insula.Agents.Runs;
using Insula.Tenancy.Budgets;

namespace Insula.Agents.Budgets;

/// <summary>What the open run may still cost by itself: what its agent asks for, or the tenant's limit for each run, whichever is less.</summary>
internal sealed record RunMoney(long LimitMicros, long SpentMicros)
{
    public long Left => Math.Max(0, LimitMicros - SpentMicros);

    /// <summary>Null where nothing limits it.</summary>
    public static RunMoney? Of(RunJournal journal, IReadOnlyList<Budget> budgets)
    {
        var asked = journal.Session.Agent.RunLimits?.Micros ?? long.MaxValue;
        var ofRuns = budgets.FirstOrDefault(static budget => budget.Key.Scope == BudgetScope.Run)?.LimitMicros ?? long.MaxValue;
        return Math.Min(asked, ofRuns) is < long.MaxValue and var limit ? new RunMoney(limit, journal.State.CostMicros) : null;
    }

    public string Describe() =>
        $"The run may cost {BudgetRefusal.Money(LimitMicros)}, of which {BudgetRefusal.Money(SpentMicros)} is spent, and another model call does not fit. Send a message to go on with a new run. The agent's run_limits.micros or the budget 'run' of this tenant, whichever is less, sets this; an administrator of the tenant can raise it.";
}
