using System.Globalization;

namespace Insula.Tenancy.Prices;

/// <summary>Dollars as people write them, as whole micro-dollars: exact or not at all.</summary>
public static class Dollars
{
    private const decimal Micro = 1_000_000;

    /// <summary>Micro-dollars of a decimal text such as <c>1.25</c> or <c>$0.30</c>, times <paramref name="times"/>; null when it is no such number, is negative, or has more places than that can hold.</summary>
    public static long? Parse(string text, long times = 1)
    {
        var digits = text.Replace("_", "", StringComparison.Ordinal).TrimStart('$');
        if (digits.Length > 28 || !decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var dollars)) return null;
        if (dollars > long.MaxValue / Micro / times) return null;
        var micros = dollars * Micro * times;
        return micros == decimal.Truncate(micros) ? (long)micros : null;
    }

    /// <summary>With all its places: <c>1.250000</c>.</summary>
    public static string Format(long micros)
    {
        var whole = Math.Abs((decimal)micros) / Micro;
        return string.Create(CultureInfo.InvariantCulture, $"{(micros < 0 ? "-" : "")}{whole:0.000000}");
    }
}
