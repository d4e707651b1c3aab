using System.Collections.Concurrent;
using Insula.Agents.Usage;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Budgets;

/// <summary>
/// The holds of this node's steps under way: renews them for as long as they last, and gives back what dead nodes left. A
/// hold is given back only when its cost cannot come any more: its usage is shipped first.
/// </summary>
public sealed class HeldMoney
{
    /// <summary>How long a hold outlives its node.</summary>
    internal static readonly TimeSpan Length = TimeSpan.FromSeconds(60);

    private const int AtOnce = 500;

    private const int AwaitedMax = 10_000;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(15);

    private readonly IBudgetStore _store;
    private readonly ShipUsage _ship;
    private readonly Node _node;
    private readonly TimeProvider _time;
    private readonly ILogger<HeldMoney> _log;
    private readonly ConcurrentDictionary<Id<Hold>, HoldTerms> _open = [];
    private readonly ConcurrentDictionary<BudgetKey, TaskCompletionSource> _awaited = [];

    internal HeldMoney(IBudgetStore store, ShipUsage ship, Node node, TimeProvider time, ILogger<HeldMoney> log)
    {
        _store = store;
        _ship = ship;
        _node = node;
        _time = time;
        _log = log;
    }

    /// <summary>Holds of steps that have not ended on this node.</summary>
    public int Open => _open.Count;

    /// <summary>Renews and sweeps until the token ends. Holds that stand then are for whoever takes their sessions up.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await TryAsync(stopping);
                await Task.Delay(Backoff.About(Period), _time, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The ordinary end.
        }
    }

    internal async Task<HoldAnswer> TakeAsync(HoldTerms terms, long micros, long least, CancellationToken ct)
    {
        // Noted first, so that a hold is never without its keeper. Of one that failed nobody knows: if it stands, it ends by itself.
        _open[terms.Id] = terms;
        var holds = false;
        try
        {
            var answer = await _store.HoldAsync(new HoldRequest(terms.Id, terms.Tenant, terms.Session, _node.Id, terms.Path, micros, least, Length), ct);
            holds = answer.Holds;
            return answer;
        }
        finally
        {
            if (!holds) _open.TryRemove(terms.Id, out _);
        }
    }

    /// <summary>
    /// Ends when money of the budget comes back from a step of this node that is not over or cost nothing. To be asked before
    /// the budget is looked at; what other nodes give back it does not tell.
    /// </summary>
    internal Task BackAsync(BudgetKey budget)
    {
        if (_awaited.Count > AwaitedMax) _awaited.Clear();
        return _awaited.GetOrAdd(budget, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
    }

    /// <summary>The step costs no more than that, as is known now. If the store is away what is held stays.</summary>
    /// <returns>Whether something came back.</returns>
    internal async Task<bool> LowerAsync(Id<Hold> hold, long micros, CancellationToken ct)
    {
        if (!_open.TryGetValue(hold, out var terms)) return false;
        try
        {
            if (!await _store.LowerAsync(terms.Tenant, hold, micros, ct)) return false;
            CameBack(terms);
            return true;
        }
        catch (Exception error)
        {
            if (!ct.IsCancellationRequested) BudgetLog.LowerFailed(_log, error, terms.Tenant);
            return false;
        }
    }

    /// <summary>The step ended, and its usage is recorded: what ships that settles the hold.</summary>
    internal void Recorded(Id<Hold> hold) => _open.TryRemove(hold, out _);

    /// <summary>The step ended without a cost. If the store is away the hold ends by itself.</summary>
    internal async Task GiveBackAsync(Id<Tenant> tenant, Id<Hold> hold)
    {
        if (!_open.TryRemove(hold, out var terms)) return;
        try
        {
            await _store.ReleaseAsync(tenant, [hold], CancellationToken.None);
            CameBack(terms);
        }
        catch (Exception error)
        {
            BudgetLog.ReleaseFailed(_log, error, tenant);
        }
    }

    /// <summary>Gives back what workers that had the session before left. Only for whoever claimed it: they cannot record a cost any more.</summary>
    internal async Task TakeUpAsync(Id<Tenant> tenant, string session, CancellationToken ct)
    {
        var left = await _store.ListHoldsAsync(tenant, session, ct);
        if (left.Count == 0) return;
        await _ship.RunAsync(tenant, ct);
        await _store.ReleaseAsync(tenant, left, ct);
    }

    /// <summary>One look: renews this node's holds, and gives back those that nobody renewed.</summary>
    internal async Task LookAsync(CancellationToken ct)
    {
        if (!_open.IsEmpty) await _store.RenewAsync(_node.Id, [.. _open.Keys], Length, ct);
        foreach (var left in (await _store.ListExpiredAsync(AtOnce, ct)).GroupBy(static hold => hold.Tenant))
        {
            await _ship.RunAsync(left.Key, ct);
            await _store.ReleaseAsync(left.Key, [.. left.Select(static hold => hold.Id)], ct);
        }
    }

    private void CameBack(HoldTerms terms)
    {
        foreach (var budget in terms.Path)
        {
            if (_awaited.TryRemove(budget, out var awaited)) awaited.TrySetResult();
        }
    }

    private async Task TryAsync(CancellationToken ct)
    {
        try
        {
            await LookAsync(ct);
        }
        catch (Exception error) when (!ct.IsCancellationRequested)
        {
            BudgetLog.LookFailed(_log, error);
        }
    }
}

/// <summary>What a step's hold is for, however often it is asked for.</summary>
internal sealed record HoldTerms(Id<Hold> Id, Id<Tenant> Tenant, string Session, IReadOnlyList<BudgetKey> Path);
