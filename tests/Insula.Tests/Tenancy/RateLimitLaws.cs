using FsCheck;
using FsCheck.Fluent;
using Insula.Tenancy.RateLimits;
using Insula.TestKit;

namespace Insula.Tests.Tenancy;

/// <summary>The laws of the rate limit, over random arrival sequences on a clock that the test moves.</summary>
public sealed class RateLimitLaws
{
    private const string Caller = "caller";

    private static readonly Gen<int> Rates = Gen.Choose(1, 1_000);

    // Gaps from none to minutes, dense ones more often: bursts, trickles and rests in one sequence.
    private static readonly Gen<long> Gaps = Gen.OneOf(
        Gen.Constant(0L),
        Gen.Choose(0, 2_000_000).Select(static ticks => (long)ticks),
        Gen.Choose(0, 100).Select(static seconds => seconds * TimeSpan.TicksPerSecond));

    private static readonly Gen<(int PerMinute, long[] Gaps)> Arrivals =
        from rate in Rates from gaps in Gaps.ArrayOf() select (rate, gaps);

    private static Config Many => Config.QuickThrowOnFailure.WithMaxTest(2_000).WithEndSize(200);

    [Fact]
    public void Every_window_admits_at_most_the_burst_plus_rate_times_window() =>
        Prop.ForAll(Arrivals.ToArbitrary(), static sequence =>
        {
            var admitted = Admitted(sequence.PerMinute, sequence.Gaps);
            for (var first = 0; first < admitted.Count; first++)
            {
                for (var last = first; last < admitted.Count; last++)
                {
                    var window = admitted[last] - admitted[first];
                    var allowed = sequence.PerMinute * 2 + (Int128)sequence.PerMinute * window / TimeSpan.TicksPerMinute;
                    if (last - first + 1 > allowed) return false;
                }
            }

            return true;
        }).Check(Many);

    [Fact]
    public void A_caller_who_keeps_the_rate_is_never_refused() =>
        Prop.ForAll(Arrivals.ToArbitrary(), static sequence =>
        {
            var clock = new ManualClock();
            using var table = new RateTable<string>(clock, int.MaxValue);
            var spacing = (TimeSpan.TicksPerMinute + sequence.PerMinute - 1) / sequence.PerMinute;
            foreach (var gap in sequence.Gaps)
            {
                clock.Advance(TimeSpan.FromTicks(spacing + gap));
                if (!Take(table, sequence.PerMinute).Admitted) return false;
            }

            return true;
        }).Check(Many);

    [Fact]
    public void A_caller_as_greedy_as_can_be_gets_the_burst_and_then_the_rate_and_no_call_more() =>
        Prop.ForAll(Rates.ToArbitrary(), static perMinute =>
        {
            var clock = new ManualClock();
            using var table = new RateTable<string>(clock, int.MaxValue);
            for (var admitted = 1; admitted <= perMinute * 3 + 100; admitted++)
            {
                var decision = Take(table, perMinute);
                if (!decision.Admitted)
                {
                    clock.Advance(decision.RetryAfter);
                    decision = Take(table, perMinute);
                }

                var elapsed = (clock.GetUtcNow() - ManualClock.Start).Ticks;
                if (!decision.Admitted || admitted > perMinute * 2 + (Int128)perMinute * elapsed / TimeSpan.TicksPerMinute) return false;
            }

            return true;
        }).Check(Many.WithMaxTest(300));

    [Fact]
    public void The_burst_is_always_there_after_a_rest() =>
        Prop.ForAll(Arrivals.ToArbitrary(), static sequence =>
        {
            var clock = new ManualClock();
            using var table = new RateTable<string>(clock, int.MaxValue);
            foreach (var gap in sequence.Gaps)
            {
                clock.Advance(TimeSpan.FromTicks(gap));
                Take(table, sequence.PerMinute);
            }

            clock.Advance(TimeSpan.FromMinutes(3));
            var burst = Enumerable.Range(0, sequence.PerMinute * 2).All(_ => Take(table, sequence.PerMinute).Admitted);
            return burst && !Take(table, sequence.PerMinute).Admitted;
        }).Check(Many.WithMaxTest(200));

    [Fact]
    public void Who_waits_the_retry_after_is_admitted_and_who_waits_a_tick_less_is_not() =>
        Prop.ForAll(Arrivals.ToArbitrary(), static sequence =>
        {
            var clock = new ManualClock();
            using var table = new RateTable<string>(clock, int.MaxValue);
            foreach (var gap in sequence.Gaps)
            {
                clock.Advance(TimeSpan.FromTicks(gap));
                var decision = Take(table, sequence.PerMinute);
                if (decision.Admitted) continue;

                clock.Advance(decision.RetryAfter - TimeSpan.FromTicks(1));
                if (Take(table, sequence.PerMinute).Admitted) return false;
                clock.Advance(TimeSpan.FromTicks(1));
                if (!Take(table, sequence.PerMinute).Admitted) return false;
            }

            return true;
        }).Check(Many);

    [Fact]
    public void Remaining_is_exactly_what_is_admitted_next() =>
        Prop.ForAll(Arrivals.ToArbitrary(), static sequence =>
        {
            var clock = new ManualClock();
            using var table = new RateTable<string>(clock, int.MaxValue);
            var decision = Take(table, sequence.PerMinute);
            foreach (var gap in sequence.Gaps)
            {
                clock.Advance(TimeSpan.FromTicks(gap));
                decision = Take(table, sequence.PerMinute);
            }

            var more = 0;
            while (Take(table, sequence.PerMinute).Admitted) more++;
            return more == decision.Remaining;
        }).Check(Many.WithMaxTest(200));

    [Fact]
    public void A_call_in_two_classes_takes_from_both_or_from_none() =>
        Prop.ForAll(Gen.Choose(1, 50).Two().ToArbitrary(), static rates =>
        {
            var (requests, learn) = rates;
            var clock = new ManualClock();
            using var table = new RateTable<string>(clock, int.MaxValue);
            var both = 0;
            while (table.Take(Caller, new RateDemand((RateClasses.Requests, requests), (RateClasses.Learn, learn))).Admitted) both++;
            for (var refused = 0; refused < 10; refused++) table.Take(Caller, new RateDemand((RateClasses.Requests, requests), (RateClasses.Learn, learn)));

            var requestsLeft = Count(() => table.Take(Caller, new RateDemand((RateClasses.Requests, requests))).Admitted);
            var learnLeft = Count(() => table.Take(Caller, new RateDemand((RateClasses.Learn, learn))).Admitted);
            return both == Math.Min(requests, learn) * 2 && requestsLeft == requests * 2 - both && learnLeft == learn * 2 - both;
        }).Check(Many.WithMaxTest(200));

    [Fact]
    public void The_wall_clock_has_no_say()
    {
        var clock = new ManualClock();
        using var table = new RateTable<string>(clock, int.MaxValue);
        while (Take(table, 10).Admitted) { }

        clock.ShiftWallClock(TimeSpan.FromDays(1));
        Assert.False(Take(table, 10).Admitted);
        clock.ShiftWallClock(TimeSpan.FromDays(-2));
        Assert.Equal(TimeSpan.FromSeconds(6), Take(table, 10).RetryAfter);
    }

    private static List<long> Admitted(int perMinute, long[] gaps)
    {
        var clock = new ManualClock();
        using var table = new RateTable<string>(clock, int.MaxValue);
        var admitted = new List<long>();
        foreach (var gap in gaps)
        {
            clock.Advance(TimeSpan.FromTicks(gap));
            if (Take(table, perMinute).Admitted) admitted.Add(clock.GetUtcNow().UtcTicks);
        }

        return admitted;
    }

    private static int Count(Func<bool> admitted)
    {
        var count = 0;
        while (admitted()) count++;
        return count;
    }

    private static RateDecision Take(RateTable<string> table, int perMinute) => table.Take(Caller, new RateDemand((RateClasses.Requests, perMinute)));
}
