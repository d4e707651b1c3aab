using FsCheck;
using FsCheck.Fluent;
using Insula.Tenancy.Prices;

namespace Insula.Tests.Tenancy;

/// <summary>The laws of money: a cost is the exact sum, rounded up once, for any rates and any quantities.</summary>
public sealed class PriceLaws
{
    private static readonly Gen<long> Small = Gen.Choose(0, 5_000).Select(static n => (long)n);

    // From nothing through ordinary prices to the largest ones, so that products pass what a long can hold.
    private static readonly Gen<long> Amounts = Gen.OneOf(Gen.Constant(0L), Small, Gen.Choose(0, int.MaxValue).Select(static n => (long)n), Gen.Choose(0, 1_000_000).Select(static n => n * 1_000_000L));

    private static readonly Gen<long?> Maybe = Gen.OneOf(Gen.Constant<long?>(null), Amounts.Select(static n => (long?)n));

    private static readonly Gen<Rates> AnyRates =
        from input in Amounts
        from output in Amounts
        from read in Maybe
        from write in Maybe
        from reasoning in Maybe
        from request in Small
        select new Rates(input, output, read, write, reasoning, request);

    private static readonly Gen<Quantities> AnyQuantities =
        from input in Amounts
        from output in Amounts
        from read in Amounts
        from write in Amounts
        from reasoning in Amounts
        from requests in Small
        select new Quantities(input, output, read, write, Math.Min(reasoning, output), requests);

    private static readonly Gen<(Rates Rates, Quantities One, Quantities Other)> Cases =
        from rates in AnyRates from one in AnyQuantities from other in AnyQuantities select (rates, one, other);

    private static Config Many => Config.QuickThrowOnFailure.WithMaxTest(5_000).WithEndSize(200);

    [Fact]
    public void A_cost_is_never_less_than_the_exact_value_and_less_than_a_micro_dollar_more() => Prop.ForAll(
        Cases.ToArbitrary(),
        static given =>
        {
            var exact = Exact(given.Rates, given.One);
            var cost = (Int128)Of(given.Rates).CostOf(given.One) * 1_000_000;
            return exact > (Int128)long.MaxValue * 1_000_000 ? cost == (Int128)long.MaxValue * 1_000_000 : cost >= exact && cost - exact < 1_000_000;
        }).Check(Many);

    [Fact]
    public void Parts_priced_alone_cost_at_least_as_much_as_together_and_at_most_a_micro_dollar_more() => Prop.ForAll(
        Cases.ToArbitrary(),
        static given =>
        {
            var price = Of(given.Rates);
            var (one, other, both) = ((Int128)price.CostOf(given.One), (Int128)price.CostOf(given.Other), (Int128)price.CostOf(Sum(given.One, given.Other)));
            return both == long.MaxValue || (one + other >= both && one + other <= both + 1);
        }).Check(Many);

    [Fact]
    public void More_never_costs_less() => Prop.ForAll(
        Cases.ToArbitrary(), static given => Of(given.Rates).CostOf(Sum(given.One, given.Other)) >= Of(given.Rates).CostOf(given.One)).Check(Many);

    [Fact]
    public void No_request_costs_more_than_the_worst_of_its_tokens() => Prop.ForAll(
        Cases.ToArbitrary(),
        static given =>
        {
            var used = given.One with { Requests = 1 };
            return Of(given.Rates).CostOf(used) <= Of(given.Rates).WorstOf(used.Input + used.CacheRead + used.CacheWrite, used.Output);
        }).Check(Many);

    [Fact]
    public void The_output_that_fits_fits_and_one_token_more_does_not() => Prop.ForAll(
        (from given in Cases from micros in Amounts select (given.Rates, Tokens: given.One.Input, Micros: micros)).ToArbitrary(),
        static given =>
        {
            var price = Of(given.Rates);
            var fits = price.OutputTokensFor(given.Micros, given.Tokens);
            if (price.WorstOf(given.Tokens, 0) > given.Micros) return fits == 0;
            return fits == long.MaxValue || (price.WorstOf(given.Tokens, fits) <= given.Micros && price.WorstOf(given.Tokens, fits + 1) > given.Micros);
        }).Check(Many);

    [Fact]
    public void Dollars_are_exact_micro_dollars_or_refused() => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).Select(static n => n * 4_000_000L).ToArbitrary(),
        static micros => Dollars.Parse(Dollars.Format(micros)) == micros && Dollars.Parse($"{Dollars.Format(micros)}1") is null).Check(Many);

    private static Price Of(Rates rates) => new("a/m", "v", DateTimeOffset.UnixEpoch, rates);

    private static Int128 Exact(Rates rates, Quantities used) =>
        (Int128)rates.Input * used.Input
        + (Int128)(rates.CacheRead ?? rates.Input) * used.CacheRead
        + (Int128)(rates.CacheWrite ?? rates.Input) * used.CacheWrite
        + (Int128)rates.Output * (used.Output - used.Reasoning)
        + (Int128)(rates.Reasoning ?? rates.Output) * used.Reasoning
        + (Int128)rates.PerRequest * used.Requests * 1_000_000;

    private static Quantities Sum(Quantities a, Quantities b) => new(
        a.Input + b.Input, a.Output + b.Output, a.CacheRead + b.CacheRead, a.CacheWrite + b.CacheWrite, a.Reasoning + b.Reasoning, a.Requests + b.Requests);
}
