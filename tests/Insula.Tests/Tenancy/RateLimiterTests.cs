using Insula.Tenancy.Access;
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

    private RateDecision Take(Id<Tenant> tenant, RateClasses classes, Limits limits, CallerLimits? ofKey = null)
    {
        var decided = _limiter.TakeAsync(new TenantScope(tenant, new Principal("key", "key_one"), Permissions.All) { OwnLimits = ofKey is null ? [] : [new OwnLimits(RateHolder.Key, "key_one", ofKey)] }, classes, limits, CancellationToken.None).AsTask();
        Assert.True(decided.IsCompletedSuccessfully, "A node that is alone waits for nobody.");
        return decided.Result;
    }

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
                if (Take(tenant, RateClasses.Requests, limits).Admitted) Interlocked.Increment(ref admitted);
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
                if (table.Take(caller, new RateDemand((RateClasses.Requests, 1))).Admitted) Interlocked.Increment(ref admitted);
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
        while (Take(busy, RateClasses.Requests, Free).Admitted) { }

        Assert.Equal(19, Take(quiet, RateClasses.Requests, Free).Remaining);
    }

    [Fact]
    public void A_refusal_names_the_limit_and_the_wait()
    {
        var tenant = Id<Tenant>.New();
        while (Take(tenant, RateClasses.Requests | RateClasses.Learn, Free with { LearnPerMinute = 5 }).Admitted) { }

        var decision = Take(tenant, RateClasses.Requests | RateClasses.Learn, Free with { LearnPerMinute = 5 });
        Assert.Equal((RateClasses.Learn, 5L, 10L, 0L), (decision.Class, decision.PerMinute, decision.Burst, decision.Remaining));
        Assert.Equal(TimeSpan.FromMinutes(2), decision.Reset);
        Assert.Equal(FaultKind.Throttled, decision.Fault?.Kind);
        Assert.Equal(TimeSpan.FromSeconds(12), decision.Fault?.RetryAfter);
        Assert.Equal("Over the limit of 5 calls to learn a minute (bursts up to 10, whole again in 120 s). Try again in 12 s. The operator of this installation can raise the limit.", decision.Fault?.Message);
    }

    [Fact]
    public void A_call_takes_from_its_key_and_its_tenant_or_from_neither()
    {
        var tenant = Id<Tenant>.New();
        var ofKey = new CallerLimits { RequestsPerMinute = 4 };
        for (var call = 0; call < 8; call++) Assert.True(Take(tenant, RateClasses.Requests, Free, ofKey).Admitted);
        var refused = Take(tenant, RateClasses.Requests, Free, ofKey);
        Assert.Equal((false, RateHolder.Key, 4L), (refused.Admitted, refused.Holder, refused.PerMinute));
        Assert.Contains("this key's limit of 4 requests a minute", refused.Fault?.Message, StringComparison.Ordinal);

        for (var call = 0; call < 12; call++) Assert.True(Take(tenant, RateClasses.Requests, Free).Admitted);
        Assert.Equal(RateHolder.Tenant, Take(tenant, RateClasses.Requests, Free).Holder);
        _clock.Advance(TimeSpan.FromSeconds(15));
        while (Take(tenant, RateClasses.Requests, Free).Admitted) { }
        for (var call = 0; call < 10; call++) Take(tenant, RateClasses.Requests, Free, ofKey);
        _clock.Advance(TimeSpan.FromSeconds(12));
        Assert.True(Take(tenant, RateClasses.Requests, Free, ofKey).Admitted);
        Assert.Equal(RateHolder.Key, Take(tenant, RateClasses.Requests, Free, ofKey).Holder);
    }

    [Fact]
    public void Keys_of_a_member_share_the_members_rate_and_keep_their_own()
    {
        var tenant = Id<Tenant>.New();
        var member = new OwnLimits(RateHolder.Member, "mbr_one", new CallerLimits { RequestsPerMinute = 4 });
        TenantScope first = Key("key_one", member, new OwnLimits(RateHolder.Key, "key_one", new CallerLimits { RequestsPerMinute = 1 })), second = Key("key_two", member);
        Assert.Equal([true, true, false], Decide(first, 3).Select(static d => d.Admitted));
        Assert.Equal([true, true, true, true, true, true, false], Decide(second, 7).Select(static d => d.Admitted));
        var refused = Decide(second, 1)[0];
        Assert.Equal((RateHolder.Member, 4L), (refused.Holder, refused.PerMinute));
        Assert.Contains("this member's limit of 4 requests a minute", refused.Fault?.Message, StringComparison.Ordinal);

        // What was refused took nothing: the tenant has all but the eight that got in.
        Assert.Equal(12, Decide(Key("key_three"), 13).Count(static d => d.Admitted));

        TenantScope Key(string name, params OwnLimits[] own) => new(tenant, new Principal("key", name), Permissions.All) { OwnLimits = own };
        List<RateDecision> Decide(TenantScope scope, int calls) =>
            [.. Enumerable.Range(0, calls).Select(_ => _limiter.TakeAsync(scope, RateClasses.Requests, Free, CancellationToken.None).AsTask().Result)];
    }

    [Fact]
    public async Task Tokens_are_a_debt_that_the_next_call_waits_for()
    {
        var tenant = Id<Tenant>.New();
        var limits = Free with { TokensPerMinute = 600 };
        Assert.Equal(TimeSpan.Zero, await _limiter.TokenDebtAsync(tenant, limits, CancellationToken.None));
        await _limiter.ChargeTokensAsync(tenant, limits, 1_200, CancellationToken.None);
        Assert.Equal(TimeSpan.Zero, await _limiter.TokenDebtAsync(tenant, limits, CancellationToken.None));
        await _limiter.ChargeTokensAsync(tenant, limits, 50, CancellationToken.None);
        Assert.Equal(TimeSpan.FromSeconds(5), await _limiter.TokenDebtAsync(tenant, limits, CancellationToken.None));
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(TimeSpan.Zero, await _limiter.TokenDebtAsync(tenant, limits, CancellationToken.None));
        Assert.Equal(TimeSpan.Zero, await _limiter.TokenDebtAsync(tenant, Free, CancellationToken.None));
    }

    [Fact]
    public void A_raised_limit_refills_faster_from_the_next_call_on()
    {
        var tenant = Id<Tenant>.New();
        while (Take(tenant, RateClasses.Requests, Free).Admitted) { }

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(Take(tenant, RateClasses.Requests, Free).Admitted);
        var raised = Take(tenant, RateClasses.Requests, Free with { RequestsPerMinute = 600 });
        Assert.Equal((true, 9L), (raised.Admitted, raised.Remaining));
    }

    [Fact]
    public void Idle_tenants_leave_no_entry_and_no_timer()
    {
        for (var tenant = 0; tenant < 10_000; tenant++) Take(Id<Tenant>.New(), RateClasses.Reads, Free);
        Assert.Equal((10_000, 1), (_limiter.Count, _clock.TimersArmed));

        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((0, 0), (_limiter.Count, _clock.TimersArmed));
    }

    [Fact]
    public void A_flood_of_addresses_shares_one_bucket_once_the_table_is_full()
    {
        using var table = new RateTable<int>(_clock, entriesMax: 100);
        var admitted = Enumerable.Range(0, 1_000).Count(address => table.Take(address, new RateDemand((RateClasses.Requests, 1))).Admitted);

        Assert.Equal((102, 100), (admitted, table.Count));
    }
}
