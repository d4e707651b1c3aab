using System.Collections.Concurrent;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Prices;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Budgets;

/// <param name="MaxTokens">What the call may put out.</param>
/// <param name="Micros">What it may cost; null where nothing limits it.</param>
/// <param name="Lack">Where the output is less than it would be with more money: of what there was too little.</param>
internal sealed record Funded(int MaxTokens, long? Micros = null, string? Lack = null)
{
    /// <summary>Follows the answer; null where nothing limits it, or it is known before what the answer will cost.</summary>
    public CallMoney? Money { get; init; }
}

/// <summary>A call that was not begun for want of money; the message is for the tenant.</summary>
internal sealed class FundsException(string message) : Exception(message);

/// <summary>
/// Sets aside what a model call may cost at most, on every budget of its path, before it begins: no budget is ever
/// overspent. Nor is anybody refused who has money: what others hold comes back when their steps cost less, so a call that
/// does not fit waits a little, then makes do with less output, and is refused only when not even a short answer fits.
/// </summary>
internal sealed class StepFunds(BudgetsInForce inForce, IBudgetStore store, HeldMoney held, PriceCatalog prices, ITenantStores stores, RunOptions options, BudgetMetrics metrics, TimeProvider time)
{
    /// <summary>An answer that is cut shorter is worth nothing.</summary>
    private const int OutputTokensLeast = 64;

    private const int QueuesMax = 10_000;

    /// <summary>How long a call that could go on with less waits for all of it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>Those who wait here for money of the same budget: one of them looks, the others come after it.</summary>
    private readonly ConcurrentDictionary<(Id<Tenant>, BudgetKey), SemaphoreSlim> _queues = [];

    /// <summary>Throws <see cref="FundsException"/> when there is not enough.</summary>
    /// <param name="usage">The row that will say what the call used; the hold has its id.</param>
    /// <param name="attention">Ends the waiting.</param>
    public async ValueTask<Funded> TakeAsync(RunJournal journal, Id<UsageRow> usage, ResolvedModel model, ModelRequest request, DateTimeOffset began, CancellationToken attention)
    {
        var full = new Funded(request.MaxTokens);
        if (await LimitsOfAsync(journal, attention) is not { } limits) return full;
        if (prices.Find(model.FullName, began) is not { } price) throw Unpriced(model.FullName);
        var foreseen = model.Provider.Foresee(request);
        var input = foreseen?.Input ?? TokenEstimate.AtMost(request);
        var output = foreseen?.Output ?? request.MaxTokens;
        var (wanted, least) = (price.WorstOf(input, output), price.WorstOf(input, Math.Min(output, OutputTokensLeast)));
        if (wanted == 0) return full;

        var granted = await SetAsideAsync(journal, usage, limits, wanted, least, attention);
        var funded = full with { Micros = granted.Micros };
        if (granted.Micros < wanted)
        {
            metrics.Lowered();
            funded = new Funded((int)Math.Min(request.MaxTokens, price.OutputTokensFor(granted.Micros, input)), granted.Micros, granted.Lack ?? "");
        }

        return foreseen is null ? funded with { Money = Follow() } : funded;

        CallMoney Follow() => new(price, granted.Micros, funded.MaxTokens, () => TokenEstimate.AtLeast(request), micros => LowerAsync(usage, micros, attention));
    }

    /// <summary>The same for a call of a tool, which costs what its row says or is not made.</summary>
    public async ValueTask TakeAsync(RunJournal journal, UsageRow usage, CancellationToken attention)
    {
        if (usage.CostMicros is not > 0 || await LimitsOfAsync(journal, attention) is not { } limits) return;
        await SetAsideAsync(journal, usage.Id, limits, usage.CostMicros.Value, usage.CostMicros.Value, attention);
    }

    /// <summary>The call's usage is in the store, or nobody knows whether it is: what is held is settled by what ships it, or ends by itself.</summary>
    public void Recorded(UsageRow usage, Funded? funded)
    {
        held.Recorded(new Id<Hold>(usage.Id.Value));
        if (usage.CostMicros > (funded?.Money?.Held ?? funded?.Micros)) metrics.Overrun();
    }

    /// <summary>The call put out more than it may, and is cut; what the session hears.</summary>
    public string Cut(Funded funded, string model)
    {
        metrics.Cut();
        return $"The answer was cut: {model} put out more than the {funded.MaxTokens} tokens that it was asked for at most, and by then cost more than the {BudgetRefusal.Money(funded.Money!.May)} that there is for the call. Send a message to go on. If this happens again, use a model whose provider heeds max_tokens.";
    }

    /// <summary>The call ended without usage.</summary>
    public Task GiveBackAsync(RunJournal journal, Id<UsageRow> usage) => held.GiveBackAsync(journal.Scope.Tenant, new Id<Hold>(usage.Value));

    private async Task LowerAsync(Id<UsageRow> usage, long micros, CancellationToken ct)
    {
        if (await held.LowerAsync(new Id<Hold>(usage.Value), micros, ct)) metrics.Shrunk();
    }

    /// <summary>Null where nothing limits the journal's run.</summary>
    private async ValueTask<Limits?> LimitsOfAsync(RunJournal journal, CancellationToken ct)
    {
        var budgets = await inForce.OfAsync(journal.Scope.Tenant, ct);
        var path = journal.BudgetPath ??= await BudgetPath.OfAsync(stores, journal.Scope, journal.Session, ct);
        var (limited, ofRun) = (path.IsLimited(budgets), RunMoney.Of(journal, budgets));
        if (!limited && ofRun is null) return null;
        if (limited && !journal.BudgetTakenUp) await TakeUpAsync(journal, path, ct);
        return new Limits(limited ? path : null, ofRun);
    }

    private async Task<Grant> SetAsideAsync(RunJournal journal, Id<UsageRow> usage, Limits limits, long wanted, long least, CancellationToken ct)
    {
        if (limits.Run is { } run && run.Left < least)
        {
            metrics.Refused(BudgetScope.Run);
            throw new FundsException(run.Describe());
        }

        var granted = new Grant(Math.Min(wanted, limits.Run?.Left ?? long.MaxValue), limits.Run?.Describe());
        if (limits.Path is not { } path) return granted;
        return await HoldAsync(new HoldTerms(new Id<Hold>(usage.Value), journal.Scope.Tenant, journal.Session.Id.ToString(), path.Keys), granted, least, ct);
    }

    private async Task TakeUpAsync(RunJournal journal, BudgetPath path, CancellationToken ct)
    {
        var tenant = journal.Scope.Tenant;
        foreach (var own in path.Owns) await store.SetOwnAsync(tenant, own.Session, own.LimitMicros, ct);
        await held.TakeUpAsync(tenant, journal.Session.Id.ToString(), ct);
        journal.BudgetTakenUp = true;
    }

    private async Task<Grant> HoldAsync(HoldTerms terms, Grant wanted, long least, CancellationToken ct)
    {
        var answer = await TryAsync(terms, wanted.Micros, least, patient: true, ct);
        if (answer.Granted is null && MayStillFit(answer.Tightest!, least)) answer = await QueueAsync(terms, wanted.Micros, least, answer, ct);
        if (answer.Granted is { } granted) return granted == wanted.Micros ? wanted : new Grant(granted, BudgetRefusal.Describe(answer.Tightest!));

        metrics.Refused(answer.Tightest!.Key.Scope);
        throw new FundsException(BudgetRefusal.Describe(answer.Tightest!));
    }

    /// <summary>Waits for what others hold. The first in the queue takes what comes back; who came later comes after it.</summary>
    private async Task<HoldAnswer> QueueAsync(HoldTerms terms, long wanted, long least, HoldAnswer refused, CancellationToken ct)
    {
        metrics.Waited();
        var (answer, began) = (refused, time.GetTimestamp());
        if (_queues.Count > QueuesMax) _queues.Clear();
        var queue = _queues.GetOrAdd((terms.Tenant, answer.Tightest!.Key), static _ => new SemaphoreSlim(1));
        if (!await WaitTurnAsync(queue, ct)) return answer;
        try
        {
            while (true)
            {
                var waited = time.GetElapsedTime(began);
                var back = held.BackAsync(answer.Tightest!.Key);
                answer = await TryAsync(terms, wanted, least, patient: waited < Patience, ct);
                if (answer.Granted is not null || waited > options.BudgetWait || !MayStillFit(answer.Tightest!, least)) return answer;
                await Task.WhenAny(back, Task.Delay(LookEvery, time, ct));
                ct.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            queue.Release();
        }
    }

    /// <param name="patient">Whether to take less than all only when nobody else holds what is missing.</param>
    private async Task<HoldAnswer> TryAsync(HoldTerms terms, long wanted, long least, bool patient, CancellationToken ct)
    {
        var answer = await held.TakeAsync(terms, wanted, patient ? wanted : least, ct);
        if (answer.Granted is not null || !patient || answer.Tightest!.HeldMicros > 0) return answer;
        return await held.TakeAsync(terms, wanted, least, ct);
    }

    private async Task<bool> WaitTurnAsync(SemaphoreSlim queue, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(options.BudgetWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await queue.WaitAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
        }
    }

    private static bool MayStillFit(Budget tightest, long least) => tightest.HeldMicros > 0 && tightest.LimitMicros - tightest.SpentMicros >= least;

    private static FundsException Unpriced(string model) => new(
        $"The model {model} has no price, so nobody can say what a call costs, and a budget stands on this run. The operator of this installation can give it a price (insula price put {model} …) or set a ceiling for models without one (insula price put unpriced … --ceiling).");

    /// <param name="Lack">What stands against more.</param>
    private sealed record Grant(long Micros, string? Lack);

    /// <param name="Path">Null where no budget stands on it.</param>
    /// <param name="Run">Null where the run itself may cost what it will.</param>
    private sealed record Limits(BudgetPath? Path, RunMoney? Run);
}
