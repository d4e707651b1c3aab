using FsCheck;
using FsCheck.Fluent;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Tests.Contracts;

/// <summary>Spent and held never exceed a limit, and nothing is held in the end: for any sequence of holds, settlements and releases of several workers at once.</summary>
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
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(tenants, new Random(seed + worker)), ct)));
        await done.CancelAsync();
        if (!await watching) return false;

        var standing = (await Task.WhenAll(tenants.Select(tenant => budgets.InForceAsync(tenant, ct)))).SelectMany(static standing => standing).ToList();
        var ofTenants = standing.Where(static budget => budget.Key.Scope == BudgetScope.Tenant).Sum(static budget => budget.SpentMicros);
        var ofPlatform = standing.First(static budget => budget.Key.Scope == BudgetScope.Platform).SpentMicros - _before;
        _before += ofPlatform;
        return standing.TrueForAll(static budget => budget.HeldMicros == 0 && budget.SpentMicros <= budget.LimitMicros) && ofTenants == ofPlatform && await budgets.CountHoldsAsync(ct) == 0;
    }

    /// <summary>One worker's steps: it takes holds, and ends each by a cost, by giving it back, or by dying with it.</summary>
    private async Task WorkAsync(Id<Tenant>[] tenants, Random random)
    {
        var node = Id<Node>.New();
        List<(Id<Tenant> Tenant, Id<Hold> Id, long Granted, string Session)> open = [];
        for (var step = 0; step < 20; step++)
        {
            var tenant = tenants[random.Next(2)];
            var session = random.Next(2) == 0 ? "sesn_a" : "sesn_b";
            var id = Id<Hold>.New();
            var micros = random.Next(1, 200);
            BudgetKey[] path = [new(BudgetScope.Session, session), new(BudgetScope.Agent, "agent_a"), BudgetKey.Of(tenant), BudgetKey.Platform];
            random.Shuffle(path);
            var answer = await budgets.HoldAsync(new HoldRequest(id, tenant, session, node, path, micros, random.Next(1, micros + 1), TimeSpan.FromMinutes(1)), ct);
            if (answer.Granted is { } granted) open.Add((tenant, id, granted, session));
            while (open.Count > random.Next(4)) await EndAsync(open, random);
        }

        while (open.Count > 0) await EndAsync(open, random);
    }

    private async Task EndAsync(List<(Id<Tenant> Tenant, Id<Hold> Id, long Granted, string Session)> open, Random random)
    {
        // Of one tenant, as one shipment is.
        var some = open.Where(hold => hold.Tenant == open[0].Tenant).Take(random.Next(1, 4)).ToList();
        open.RemoveAll(some.Contains);
        if (random.Next(3) == 0) await budgets.ReleaseAsync(some[0].Tenant, [.. some.Select(static hold => hold.Id)], ct);
        else await budgets.SettleAsync(some[0].Tenant, [.. some.Select(hold => new SettledUsage(hold.Id, "agent_a", hold.Session, random.NextInt64(hold.Granted + 1)))], ct);
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

    private async Task PutAsync(Id<Tenant>? tenant, BudgetKey key, long limit) => await budgets.PutAsync(
        new Budget(key, tenant, limit, BudgetPeriod.Life, [], "operator:test", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch),
        BudgetRules.BudgetsMax,
        new AuditRecord(tenant, new Principal("operator", "test"), "budget.set", key.ToString(), null, DateTimeOffset.UnixEpoch),
        ct);
}
