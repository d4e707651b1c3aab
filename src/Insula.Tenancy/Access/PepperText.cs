using System.Globalization;
using System.Security.Cryptography;

namespace Insula.Tenancy.Access;

/// <summary>
/// Peppers as text: a line <c>version base64</c> for each, 32 random bytes or more. Made once, on the first start of an
/// installation, and never again where keys exist: a new pepper would silently end every one of them.
/// </summary>
internal static class PepperText
{
    private const int PepperBytes = 32;

    /// <summary>A text with one fresh pepper.</summary>
    public static string New() => string.Create(CultureInfo.InvariantCulture, $"1 {Convert.ToBase64String(RandomNumberGenerator.GetBytes(PepperBytes))}\n");

    /// <summary>The peppers by version; null when the text is damaged.</summary>
    public static IReadOnlyDictionary<int, byte[]>? Read(string text)
    {
        var peppers = new Dictionary<int, byte[]>();
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!TryLine(line, out var version, out var pepper) || !peppers.TryAdd(version, pepper)) return null;
        }

        return peppers.Count > 0 ? peppers : null;
    }

    private static bool TryLine(string line, out int version, out byte[] pepper)
    {
        version = 0;
        pepper = [];
        if (line.Split(' ') is not [var number, var text] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out version)) return false;

        var bytes = new byte[text.Length];
        if (version < 1 || !Convert.TryFromBase64String(text, bytes, out var length) || length < PepperBytes) return false;
        pepper = bytes[..length];
        return true;
    }
}
