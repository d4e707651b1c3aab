using System.Collections.Concurrent;

namespace Insula.Tenancy.Budgets;

/// <summary>Says on this node which thresholds the costs that it settled have reached, once they are in the ledger.</summary>
public sealed class BudgetSignals
{
    private readonly ConcurrentBag<Action<BudgetNotice>> _listeners = [];

    /// <summary>For as long as the process lives. <paramref name="heard"/> neither waits nor throws.</summary>
    public void Listen(Action<BudgetNotice> heard) => _listeners.Add(heard);

    public void Say(IReadOnlyList<BudgetNotice> notices)
    {
        foreach (var notice in notices)
        {
            foreach (var heard in _listeners) heard(notice);
        }
    }
}
