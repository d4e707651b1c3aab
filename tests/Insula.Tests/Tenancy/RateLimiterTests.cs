using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;
using Insula.TestKit;

namespace Insula.Tests.Tenancy;

public sealed class RateLimiterTests : IDisposable
{
    private static readonly Limits Free = new PlanCatalog().Find("free")!.Limits;

    private readonly ManualClock _clock = new();
    private readonly RateLimiter _limiter;

    public RateLimiterTests() => _limiter = new RateLimiter(_clock);

    public void Dispose() => _limiter.Dispose();

    [Fact]
    public async Task Parallel_calls_admit_exactly_the_burst()
    {
        var tenant = Id<Tenant>.New();
        var limits = Free with { RequestsPerMinute = 5_000 };
        var admitted = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var call = 0; call < 5_000; call++)
            {
                if (_limiter.Take(tenant, RateClasses.Requests, limits).Admitted) Interlocked.Increment(ref admitted);
            }
        })));

        Assert.Equal(10_000, admitted);
    }

    [Fact]
    public async Task Sweeping_while_callers_come_admits_no_more_than_the_burst()
    {
        // An entry is whole, so fit to be dropped, from its adding to its first call: new callers meet the sweep there.
        using var table = new RateTable<int>(_clock, int.MaxValue);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var sweeping = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) table.Sweep();
        }, TestContext.Current.CancellationToken);
        var wrong = 0;
        for (var caller = 0; caller < 20_000; caller++)
        {
            var admitted = 0;
            Parallel.For(0, 4, _ =>
            {
                if (table.Take(caller, new RateDemand(1, 0, 0, 0)).Admitted) Interlocked.Increment(ref admitted);
            });
            if (admitted != 2) wrong++;
        }

        await stop.CancelAsync();
        await sweeping;
        Assert.Equal(0, wrong);
    }

    [Fact]
    public void Tenants_do_not_share_buckets()
    {
        var (busy, quiet) = (Id<Tenant>.New(), Id<Tenant>.New());
        while (_limiter.Take(busy, RateClasses.Requests, Free).Admitted) { }

        Assert.Equal(19, _limiter.Take(quiet, RateClasses.Requests, Free).Remaining);
    }

    [Fact]
    public void A_refusal_names_the_limit_and_the_wait()
    {
        var tenant = Id<Tenant>.New();
        while (_limiter.Take(tenant, RateClasses.Requests | RateClasses.Learn, Free with { LearnPerMinute = 5 }).Admitted) { }

        var decision = _limiter.Take(tenant, RateClasses.Requests | RateClasses.Learn, Free with { LearnPerMinute = 5 });
        Assert.Equal((RateClasses.Learn, 5, 10, 0), (decision.Class, decision.PerMinute, decision.Burst, decision.Remaining));
        Assert.Equal(TimeSpan.FromMinutes(2), decision.Reset);
        Assert.Equal(FaultKind.Throttled, decision.Fault?.Kind);
        Assert.Equal(TimeSpan.FromSeconds(12), decision.Fault?.RetryAfter);
        Assert.Equal("Over the limit of 5 calls to learn a minute (bursts up to 10). Try again in 12 s.", decision.Fault?.Message);
    }

    [Fact]
    public void A_raised_limit_refills_faster_from_the_next_call_on()
    {
        var tenant = Id<Tenant>.New();
        while (_limiter.Take(tenant, RateClasses.Requests, Free).Admitted) { }

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_limiter.Take(tenant, RateClasses.Requests, Free).Admitted);
        var raised = _limiter.Take(tenant, RateClasses.Requests, Free with { RequestsPerMinute = 600 });
        Assert.Equal((true, 9), (raised.Admitted, raised.Remaining));
    }

    [Fact]
    public void Idle_tenants_leave_no_entry_and_no_timer()
    {
        for (var tenant = 0; tenant < 10_000; tenant++) _limiter.Take(Id<Tenant>.New(), RateClasses.Reads, Free);
        Assert.Equal((10_000, 1), (_limiter.Count, _clock.TimersArmed));

        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((0, 0), (_limiter.Count, _clock.TimersArmed));
    }

    [Fact]
    public void A_flood_of_addresses_shares_one_bucket_once_the_table_is_full()
    {
        using var table = new RateTable<int>(_clock, entriesMax: 100);
        var admitted = Enumerable.Range(0, 1_000).Count(address => table.Take(address, new RateDemand(1, 0, 0, 0)).Admitted);

        Assert.Equal((102, 100), (admitted, table.Count));
    }
}
