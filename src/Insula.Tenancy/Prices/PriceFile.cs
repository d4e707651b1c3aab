using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Insula.Tenancy.Faults;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;
using static Insula.Tenancy.Wording.YamlParts;

namespace Insula.Tenancy.Prices;

/// <summary>
/// Reads the section <c>prices</c> of the operator's file: for each name one entry, or a list of dated ones, in dollars
/// for a million tokens. A number that cannot be kept exactly refuses the file, with its line.
/// </summary>
internal static class PriceFile
{
    private const long FileBytesMax = 1024 * 1024;
    private const long Million = 1_000_000;

    private static readonly string[] Keys = ["from", "input", "output", "cache_read", "cache_write", "reasoning", "per_request", "each", "ceiling"];

    public static Result<IReadOnlyList<Price>> Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > FileBytesMax) return Unusable($"The price file {path} is larger than {FileBytesMax} bytes.");
            using var text = File.OpenText(path);
            return Read(path, text);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Unusable($"The price file {path} cannot be read: {error.Message}");
        }
    }

    /// <param name="name">What to call the text in refusals.</param>
    public static Result<IReadOnlyList<Price>> Read(string name, TextReader text)
    {
        try
        {
            return Section(text, "prices") is { } prices
                ? (Price[])[.. Mapping(prices, "prices", null).SelectMany(static entry => ReadVersions(entry.Key, entry.Value))]
                : Array.Empty<Price>();
        }
        catch (YamlException error)
        {
            return Unusable($"{name}, line {error.Start.Line}: {error.Message}");
        }
    }

    private static List<Price> ReadVersions(string name, YamlNode node)
    {
        if (node is not YamlSequenceNode list) return [ReadPrice(name, node)];
        List<Price> versions = [.. list.Select(item => ReadPrice(name, item))];
        return versions.GroupBy(static price => price.From).Any(static same => same.Skip(1).Any())
            ? throw Broken(node, $"two prices of '{name}' are in force from the same moment.")
            : versions;
    }

    private static Price ReadPrice(string name, YamlNode node)
    {
        var given = Mapping(node, $"The price of '{name}'", Keys);
        var rates = new Rates(
            Rate(given, "input", 1) ?? 0,
            Rate(given, "output", 1) ?? 0,
            Rate(given, "cache_read", 1),
            Rate(given, "cache_write", 1),
            Rate(given, "reasoning", 1),
            Rate(given, "per_request", 1) ?? 0,
            Rate(given, "each", Million) ?? 0);
        var from = given.TryGetValue("from", out var date) ? Moment(date) : DateTimeOffset.UnixEpoch;
        var ceiling = name == Price.Unpriced || (given.TryGetValue("ceiling", out var flag) && Flag(flag));
        var price = new Price(name, VersionOf(name, from, rates, ceiling), from, rates, ceiling);
        return PriceRules.Check(price) is { } fault ? throw Broken(node, fault.Message) : price;
    }

    private static long? Rate(Dictionary<string, YamlNode> given, string key, long times) =>
        !given.TryGetValue(key, out var node) ? null
        : Dollars.Parse(Text(node, key), times)
            ?? throw Broken(node, $"{key} must be dollars as a decimal number that is not negative, with at most {(times == 1 ? 6 : 12)} places, such as 1.25.");

    private static DateTimeOffset Moment(YamlNode node) =>
        DateTimeOffset.TryParse(Text(node, "from"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment)
            ? moment
            : throw Broken(node, "from must be a date such as 2027-01-31, which begins at midnight UTC.");

    private static bool Flag(YamlNode node) => Text(node, "ceiling") switch
    {
        "true" => true,
        "false" => false,
        _ => throw Broken(node, "ceiling must be true or false."),
    };

    /// <summary>Follows from what it says: a file that is read again has the same versions, and one that was changed has others.</summary>
    private static string VersionOf(string name, DateTimeOffset from, Rates rates, bool ceiling) =>
        $"file_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{name} {from.UtcTicks} {rates} {ceiling}")))[..20]}";

    private static Fault Unusable(string message) => Fault.Unavailable("prices_unusable", message);
}
