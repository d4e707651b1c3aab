using System.Text.RegularExpressions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Prices;

/// <summary>What a price must be, from whichever source it comes.</summary>
internal static partial class PriceRules
{
    private const int NameCharsMax = 200;

    private static readonly string[] Goods = ["tool_call", "sandbox_second", "gb_day", "gb_egress"];

    public static bool IsModel(string name) => name.Contains('/', StringComparison.Ordinal) || name == Price.Unpriced;

    public static Fault? Check(Price price)
    {
        var (name, rates) = (price.Name, price.Rates);
        if (name.Length is 0 or > NameCharsMax || !Name().IsMatch(name)) return Invalid("name", $"A price is for provider/model (with * at the end for all that begin so), for one of {string.Join(", ", Goods)}, or '{Price.Unpriced}'.");
        var good = name.Split('.', 2)[0];
        if (!IsModel(name) && !Goods.Contains(good)) return Invalid("name", $"There is no good '{good}' to price. {NearestName.Suggest(good, Goods)}");
        if (name == Price.Unpriced && !price.Ceiling) return Invalid("ceiling", $"'{Price.Unpriced}' stands for models whose price nobody knows, so it can only be a ceiling: set ceiling to true.");
        if (IsModel(name) ? rates.Each != 0 : rates with { Each = 0 } != Rates.Free)
        {
            return Invalid("name", "A model is priced by input, output, cache_read, cache_write, reasoning and per_request; any other good by each.");
        }

        foreach (var (field, rate) in Fields(rates))
        {
            if (rate is < 0 or > Rates.Max) return Invalid(field, $"{field} is {rate} micro-dollars; it must be from 0 to {Rates.Max}.");
        }

        return null;
    }

    private static IEnumerable<(string Field, long? Rate)> Fields(Rates rates) =>
    [
        ("input_micros", rates.Input), ("output_micros", rates.Output), ("cache_read_micros", rates.CacheRead), ("cache_write_micros", rates.CacheWrite),
        ("reasoning_micros", rates.Reasoning), ("per_request_micros", rates.PerRequest), ("each_micros", rates.Each),
    ];

    private static Fault Invalid(string field, string message) => Fault.Invalid(field, message);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._:@/+-]*\*?\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();
}
