using FsCheck;
using FsCheck.Fluent;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Contracts;

/// <summary>
/// Spent and held never exceed a limit, what is held is what the steps under way may still cost, and nothing is held in the
/// end: for any sequence of holds, lowerings, settlements and releases of several workers at once.
/// </summary>
internal sealed class BudgetLaws(IBudgetStore budgets, CancellationToken ct)
{
    private const int Histories = 8;
    private const int Workers = 4;
    private const int Limit = 1000;

    private long _before;

    public void Hold() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed => HoldsAsync(seed).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(Histories));

    private async Task<bool> HoldsAsync(int seed)
    {
        var tenants = new[] { Id<Tenant>.New(), Id<Tenant>.New() };
        var random = new Random(seed);
        await PutAsync(null, BudgetKey.Platform, _before + Limit + random.Next(Limit));
        foreach (var tenant in tenants)
        {
            await PutAsync(tenant, BudgetKey.Of(tenant), Limit);
            await PutAsync(tenant, new BudgetKey(BudgetScope.Agent, "agent_a"), random.Next(1, Limit));
            await PutAsync(tenant, new BudgetKey(BudgetScope.Session, "sesn_a"), random.Next(1, Limit));
        }

        using var done = new CancellationTokenSource();
        var watching = Task.Run(() => WatchAsync(tenants, done.Token), ct);
        var open = await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(tenants, new Random(seed + worker)), ct)));
        if (!await IsHeldAsync(tenants, [.. open.SelectMany(static holds => holds)])) return false;
        await Task.WhenAll(open.Select((holds, worker) => Task.Run(() => EndAllAsync(holds, new Random(seed - worker)), ct)));
        await done.CancelAsync();
        if (!await watching) return false;

        var standing = (await Task.WhenAll(tenants.Select(tenant => budgets.InForceAsync(tenant, ct)))).SelectMany(static standing => standing).ToList();
        var ofTenants = standing.Where(static budget => budget.Key.Scope == BudgetScope.Tenant).Sum(static budget => budget.SpentMicros);
        var ofPlatform = standing.First(static budget => budget.Key.Scope == BudgetScope.Platform).SpentMicros - _before;
        _before += ofPlatform;
        return standing.TrueForAll(static budget => budget.HeldMicros == 0 && budget.SpentMicros <= budget.LimitMicros) && ofTenants == ofPlatform && await budgets.CountHoldsAsync(ct) == 0;
    }

    /// <summary>Every budget holds what the steps under way on it may still cost, to the micro-dollar.</summary>
    private async Task<bool> IsHeldAsync(Id<Tenant>[] tenants, IReadOnlyList<OpenHold> open)
    {
        foreach (var tenant in tenants)
        {
            foreach (var budget in await budgets.InForceAsync(tenant, ct))
            {
                var mine = open.Where(hold => budget.Key.Scope switch
                {
                    BudgetScope.Platform => true,
                    BudgetScope.Session => hold.Tenant == tenant && hold.Session == budget.Key.Subject,
                    _ => hold.Tenant == tenant,
                });
                if (budget.HeldMicros != mine.Sum(static hold => hold.Micros)) return false;
            }
        }

        return true;
    }

    /// <summary>One worker's steps: it takes holds, lowers them, and ends most by a cost or by giving them back; the rest are under way still.</summary>
    private async Task<List<OpenHold>> WorkAsync(Id<Tenant>[] tenants, Random random)
    {
        var node = Id<Node>.New();
        List<OpenHold> open = [];
        for (var step = 0; step < 20; step++)
        {
            var tenant = tenants[random.Next(2)];
            var session = random.Next(2) == 0 ? "sesn_a" : "sesn_b";
            var id = Id<Hold>.New();
            var micros = random.Next(1, 200);
            BudgetKey[] path = [new(BudgetScope.Session, session), new(BudgetScope.Agent, "agent_a"), BudgetKey.Of(tenant), BudgetKey.Platform];
            random.Shuffle(path);
            var answer = await budgets.HoldAsync(new HoldRequest(id, tenant, session, node, path, micros, random.Next(1, micros + 1), TimeSpan.FromMinutes(1)), ct);
            if (answer.Granted is { } granted) open.Add(new OpenHold(tenant, id, granted, session));
            if (open.Count > 0) await LowerAsync(open, random);
            while (open.Count > random.Next(4)) await EndAsync(open, random);
        }

        return open;
    }

    private async Task EndAllAsync(List<OpenHold> open, Random random)
    {
        while (open.Count > 0) await EndAsync(open, random);
    }

    /// <summary>A step learns that it costs less than it might have; one that heard of something higher is not listened to.</summary>
    private async Task LowerAsync(List<OpenHold> open, Random random)
    {
        var one = open[random.Next(open.Count)];
        var micros = random.NextInt64(one.Micros * 2);
        var lowered = await budgets.LowerAsync(one.Tenant, one.Id, micros, ct);
        Assert.Equal(micros < one.Micros, lowered);
        one.Micros = Math.Min(one.Micros, micros);
    }

    private async Task EndAsync(List<OpenHold> open, Random random)
    {
        // Of one tenant, as one shipment is.
        var some = open.Where(hold => hold.Tenant == open[0].Tenant).Take(random.Next(1, 4)).ToList();
        open.RemoveAll(some.Contains);
        if (random.Next(3) == 0) await budgets.ReleaseAsync(some[0].Tenant, [.. some.Select(static hold => hold.Id)], ct);
        else await budgets.SettleAsync(some[0].Tenant, [.. some.Select(hold => new SettledUsage(hold.Id, "agent_a", hold.Session, random.NextInt64(hold.Micros + 1)))], ct);
    }

    private async Task<bool> WatchAsync(Id<Tenant>[] tenants, CancellationToken done)
    {
        while (!done.IsCancellationRequested)
        {
            foreach (var tenant in tenants)
            {
                foreach (var budget in await budgets.InForceAsync(tenant, ct))
                {
                    if (budget.SpentMicros + budget.HeldMicros > budget.LimitMicros || budget.HeldMicros < 0) return false;
                }
            }
        }

        return true;
    }

    private sealed class OpenHold(Id<Tenant> tenant, Id<Hold> id, long micros, string session)
    {
        public Id<Tenant> Tenant => tenant;

        public Id<Hold> Id => id;

        public string Session => session;

        /// <summary>What the step may cost.</summary>
        public long Micros { get; set; } = micros;
    }

    private async Task PutAsync(Id<Tenant>? tenant, BudgetKey key, long limit) => await budgets.PutAsync(
        new Budget(key, tenant, limit, BudgetPeriod.Life, [], "operator:test", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch),
        BudgetRules.BudgetsMax,
        new AuditRecord(tenant, new Principal("operator", "test"), "budget.set", key.ToString(), null, DateTimeOffset.UnixEpoch),
        ct);
}
