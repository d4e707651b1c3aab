using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Postgres;

/// <summary>Three nodes' limiters on one real store and by its clock: no more than the rate together, and not much less.</summary>
public sealed class PostgresRatesTests(SharedPostgres postgres)
{
    private const int PerMinute = 6_000;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Three_greedy_nodes_get_the_rate_together_and_no_call_more()
    {
        await using var home = await new PostgresHome(postgres) { Common = true }.OpenAsync();
        RateLimiter[] nodes = [.. Enumerable.Range(0, 3).Select(_ => new RateLimiter(TimeProvider.System, home.Get<IRateGrants>()))];
        var scope = SystemTask.Run.For(Id<Tenant>.New());
        var limits = new PlanCatalog().Find("free")!.Limits with { RequestsPerMinute = PerMinute };
        long admitted = 0;
        var began = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(nodes.SelectMany(static node => Enumerable.Repeat(node, 4)).Select(node => Task.Run(
            async () =>
            {
                // Until the burst is gone and the rate has been held for a while: a refusal is answered from memory.
                for (var calls = 0; calls < 20_000; calls++)
                {
                    if ((await node.TakeAsync(scope, RateClasses.Requests, limits, Ct)).Admitted) Interlocked.Increment(ref admitted);
                    else await Task.Yield();
                }
            },
            Ct)));
        var elapsed = TimeProvider.System.GetElapsedTime(began);
        foreach (var node in nodes) node.Dispose();

        var allowed = PerMinute * 2 + PerMinute * elapsed.TotalMinutes;
        Assert.InRange(admitted, allowed * 0.9, allowed + 1);
    }
}
