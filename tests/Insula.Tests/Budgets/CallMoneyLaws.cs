using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Budgets;
using Insula.Agents.Models;
using Insula.Tenancy.Prices;

namespace Insula.Tests.Budgets;

/// <summary>
/// While an answer streams: of a provider that heeds what it was told, what is held is never less than what the call costs
/// in the end, and no answer is cut. Of one that does not, the answer is cut as soon as it has cost more for certain.
/// </summary>
public sealed class CallMoneyLaws
{
    private const int OutputTokensMax = 60;

    private static readonly Price Price = new("m", "v", DateTimeOffset.UnixEpoch, new Rates(Input: 3_000_000, Output: 15_000_000, CacheRead: 300_000));

    [Fact]
    public void What_is_held_covers_a_conforming_call_at_every_moment_and_it_is_never_cut() =>
        Prop.ForAll(Calls().ToArbitrary(), static call => call.IsCovered()).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));

    [Fact]
    public void An_answer_that_goes_on_is_cut_when_it_has_cost_more_for_certain() =>
        Prop.ForAll(Calls().ToArbitrary(), static call => call.IsCutInTheEnd()).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Fact]
    public async Task What_was_estimated_and_not_taken_in_comes_back_and_the_output_stays()
    {
        List<long> lowered = [];
        var money = Money(Price.WorstOf(1000, 100), 100, lowered);
        Assert.True(money.Bears(new UsageReported(new TokenUsage(400, 1, 200, 0))));
        await money.OverAsync();
        Assert.Equal(400 * 3 + 200 * 3 / 10 + 100 * 15, money.Held);
        Assert.Equal([money.Held], lowered);

        // The output that came is no output that cannot come: nothing more comes back.
        for (var i = 0; i < 99; i++) Assert.True(money.Bears(new TextDelta("word ")));
        Assert.True(money.Bears(new UsageReported(new TokenUsage(400, 99, 200, 0))));
        Assert.Single(lowered);
    }

    [Fact]
    public void A_little_is_not_worth_a_trip()
    {
        List<long> lowered = [];
        Money(Price.WorstOf(1000, 100), 100, lowered).Bears(new UsageReported(new TokenUsage(851, 1, 0, 0)));
        Assert.Empty(lowered);
        Money(Price.WorstOf(1000, 100), 100, lowered).Bears(new UsageReported(new TokenUsage(850, 1, 0, 0)));
        Assert.Single(lowered);
    }

    [Fact]
    public void What_a_server_says_before_it_has_counted_frees_nothing_and_what_it_says_then_does()
    {
        List<long> lowered = [];
        var money = Money(Price.WorstOf(1000, 100), 100, lowered, inputTokensLeast: 200);
        Assert.True(money.Bears(new UsageReported(default)));
        Assert.True(money.Bears(new UsageReported(new TokenUsage(1, 1, 0, 0))));
        Assert.Empty(lowered);
        Assert.True(money.Bears(new UsageReported(new TokenUsage(300, 2, 0, 0))));
        Assert.Equal([Price.WorstOf(300, 100)], lowered);
    }

    [Fact]
    public void Input_that_was_estimated_too_low_cuts_no_answer()
    {
        var money = Money(Price.WorstOf(10, 10), 10, []);
        Assert.True(money.Bears(new UsageReported(new TokenUsage(1000, 1, 0, 0))));
        for (var i = 0; i < 10; i++) Assert.True(money.Bears(new TextDelta("word ")));
        Assert.False(money.Bears(new TextDelta("word ")));
    }

    [Fact]
    public void What_the_provider_itself_counts_cuts_before_any_estimate()
    {
        var money = Money(Price.WorstOf(10, 10), 10, []);
        Assert.True(money.Bears(new UsageReported(new TokenUsage(10, 10, 0, 0))));
        Assert.False(money.Bears(new UsageReported(new TokenUsage(10, 11, 0, 0))));
    }

    private static CallMoney Money(long micros, int outputTokensMax, List<long> lowered, long inputTokensLeast = 1) => new(Price, micros, outputTokensMax, () => inputTokensLeast, one =>
    {
        lowered.Add(one);
        return Task.CompletedTask;
    });

    private static Gen<Call> Calls() =>
        from rates in Gen.Choose(0, 20_000_000).ArrayOf(5)
        from each in Gen.Choose(0, 50)
        from plain in Gen.Elements(true, false)
        from input in Gen.Choose(1, 500).ArrayOf(3)
        from over in Gen.Choose(0, 2000)
        from said in GeneratedTokens.Lists(OutputTokensMax)
        from hidden in GeneratedTokens.Lists(OutputTokensMax)
        from sizes in Gen.Choose(1, 40).NonEmptyListOf()
        from reportAt in Gen.Choose(0, 5)
        from keepsReporting in Gen.Elements(true, false)
        let price = plain ? new Rates(rates[0], rates[1], PerRequest: each) : new Rates(rates[0], rates[1], rates[2], rates[3], rates[4], each)
        select new Call(new Price("m", "v", DateTimeOffset.UnixEpoch, price), new TokenUsage(input[0], 0, input[1], input[2]), over, said, hidden, [.. sizes], reportAt, keepsReporting);

    /// <param name="Input">What it takes in, without an output.</param>
    /// <param name="Over">How many tokens more were estimated.</param>
    /// <param name="ReportAt">Before which delta the provider says what it took in.</param>
    private sealed record Call(Price Price, TokenUsage Input, int Over, List<string> Said, List<string> Hidden, int[] Sizes, int ReportAt, bool KeepsReporting)
    {
        public bool IsCovered()
        {
            var max = Math.Max(1, Said.Count + Hidden.Count);
            var end = Input with { Output = Said.Count + Hidden.Count, Reasoning = Hidden.Count };
            var cost = Price.CostOf(new Quantities(end.Input, end.Output, end.CacheRead, end.CacheWrite, end.Reasoning, Requests: 1));
            var (money, lowered) = Begin(max);
            foreach (var item in Stream(end))
            {
                var before = money.Held;
                if (!money.Bears(item) || money.Held < cost || money.Held > before) return false;
            }

            return lowered.Count <= 1 && lowered.TrueForAll(micros => micros == money.Held);
        }

        public bool IsCutInTheEnd()
        {
            var (money, _) = Begin(OutputTokensMax);
            foreach (var item in Stream(Input)) money.Bears(item);
            var cheapest = Math.Min(Price.Rates.Output, Price.Rates.Reasoning ?? Price.Rates.Output);
            if (cheapest == 0) return true;
            var enough = 10 + (money.May * 1_000_000 / cheapest);
            for (var i = 0L; i < enough; i++)
            {
                if (!money.Bears(new TextDelta(" more"))) return money.OutputTokens > 0 && i <= enough;
            }

            return false;
        }

        private (CallMoney Money, List<long> Lowered) Begin(int max)
        {
            List<long> lowered = [];
            var estimated = Input.Input + Input.CacheRead + Input.CacheWrite + Over;
            var money = new CallMoney(Price, Price.WorstOf(estimated, max), max, static () => 1, micros =>
            {
                lowered.Add(micros);
                return Task.CompletedTask;
            });
            return (money, lowered);
        }

        private IEnumerable<ModelEvent> Stream(TokenUsage end)
        {
            var (hidden, said) = (GeneratedTokens.Pieces(string.Concat(Hidden), Sizes).ToList(), GeneratedTokens.Pieces(string.Concat(Said), Sizes).ToList());
            var at = 0;
            foreach (var delta in hidden.Select(static text => (ModelEvent)new HiddenDelta(text)).Concat(said.Select(static text => new TextDelta(text))))
            {
                if (at == ReportAt || (KeepsReporting && at > ReportAt)) yield return new UsageReported(end with { Output = 0, Reasoning = 0 });
                at++;
                yield return delta;
            }

            if (KeepsReporting) yield return new UsageReported(end);
        }
    }
}
