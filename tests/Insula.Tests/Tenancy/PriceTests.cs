using Insula.Tenancy.Faults;
using Insula.Tenancy.Prices;

namespace Insula.Tests.Tenancy;

public sealed class PriceTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_file_prices_models_from_dates_on_with_patterns_goods_and_a_ceiling()
    {
        var catalog = Catalog("""
            prices:
              anthropic/claude-*: { input: 3, output: 15, cache_read: 0.30, cache_write: 3.75 }
              anthropic/claude-opus*: { input: 15, output: 75 }
              openai/gpt-5:
                - { input: 1.25, output: 10, reasoning: 12, per_request: 0.01 }
                - { from: 2027-01-01, input: 1, output: 8 }
              tool_call: { each: 0.001 }
              tool_call.search: { each: 0.000_000_000_001 }
              unpriced: { input: 20, output: 100 }
            """);
        Assert.Equal(new Rates(3_000_000, 15_000_000, 300_000, 3_750_000), catalog.Find("anthropic/claude-sonnet", Now)!.Rates);
        Assert.Equal(15_000_000, catalog.Find("anthropic/claude-opus-5", Now)!.Rates.Input);
        Assert.Equal(new Rates(1_250_000, 10_000_000, null, null, 12_000_000, 10_000), catalog.Find("openai/gpt-5", Now)!.Rates);
        Assert.Equal(1_000_000, catalog.Find("openai/gpt-5", new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero))!.Rates.Input);
        Assert.True(catalog.Find("ollama/other", Now)!.Ceiling);
        Assert.Equal(1_000, catalog.FindGood("tool_call", "fetch", Now)!.CostOf(new Quantities(Units: 1)));
        Assert.Equal(1, catalog.FindGood("tool_call", "search", Now)!.CostOf(new Quantities(Units: 1_000_000)));
        Assert.Null(catalog.FindGood("gb_day", "", Now));
        Assert.Equal(0, catalog.Find("insula/reader", Now)!.CostOf(new Quantities(9, 9)));
    }

    [Fact]
    public void A_model_without_a_price_has_none_and_one_of_the_file_may_replace_a_built_in_one()
    {
        Assert.Null(new PriceCatalog().Find("openai/gpt-5", Now));
        Assert.Null(Catalog("prices: { openai/gpt-5: { from: 2027-01-01, input: 1 } }").Find("openai/gpt-5", Now));
        Assert.Equal(2, Catalog("prices: { insula/scripted: { input: 2 } }").Find("insula/scripted", Now)!.CostOf(new Quantities(Input: 1)));
    }

    [Fact]
    public void Of_two_versions_from_the_same_moment_the_later_one_counts_and_both_stay()
    {
        var catalog = new PriceCatalog();
        var first = new Price("a/m", "price_1", Now, new Rates(1)) { SetAt = Now };
        catalog.Put([first with { Version = "price_2", Rates = new Rates(2), SetAt = Now.AddTicks(10) }]);
        catalog.Put([first]);
        Assert.Equal("price_2", catalog.Find("a/m", Now)!.Version);
        Assert.Equal(["price_1", "price_2"], catalog.All.Where(static p => p.Name == "a/m").Select(static p => p.Version));
    }

    [Theory]
    [InlineData("prices: { openai/gpt-5: { inptu: 1 } }", "unknown key 'inptu'. Did you mean 'input'?")]
    [InlineData("prices:\n  openai/gpt-5:\n    input: 0.0000001", "line 3: input must be dollars as a decimal number that is not negative, with at most 6 places")]
    [InlineData("prices: { openai/gpt-5: { input: -1 } }", "input must be dollars")]
    [InlineData("prices: { openai/gpt-5: { input: 1e-3 } }", "input must be dollars")]
    [InlineData("prices: { openai/gpt-5: { input: 1_000_001 } }", "input_micros is 1000001000000 micro-dollars; it must be from 0 to 1000000000000.")]
    [InlineData("prices: { toolcall: { each: 1 } }", "There is no good 'toolcall' to price. Did you mean 'tool_call'?")]
    [InlineData("prices: { tool_call: { input: 1 } }", "any other good by each")]
    [InlineData("prices: { openai/*gpt: { input: 1 } }", "A price is for provider/model")]
    [InlineData("prices: { openai/gpt-5: [{ input: 1 }, { input: 2 }] }", "two prices of 'openai/gpt-5' are in force from the same moment.")]
    [InlineData("prices: { openai/gpt-5: { from: soon } }", "from must be a date")]
    [InlineData("price: {}", "unknown key 'price'. Did you mean 'prices'?")]
    public void A_file_with_a_mistake_is_refused_whole_and_names_it(string yaml, string expected)
    {
        var fault = Read(yaml).Fault;
        Assert.Equal("prices_unusable", fault?.Code);
        Assert.Contains(expected, fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_the_greatest_cost_and_never_a_small_one() =>
        Assert.Equal(long.MaxValue, new Price("a/m", "v", Now, new Rates(Rates.Max)).CostOf(new Quantities(Input: long.MaxValue)));

    private static PriceCatalog Catalog(string yaml)
    {
        var catalog = new PriceCatalog();
        catalog.Put(Read(yaml).Value);
        return catalog;
    }

    private static Result<IReadOnlyList<Price>> Read(string yaml) => PriceFile.Read("plans.yaml", new StringReader(yaml));
}
