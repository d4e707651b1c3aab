using System.Security.Cryptography;

namespace Insula.Tenancy.Identity;

/// <summary>Base 62 text (digits, upper case, lower case; in that order), the alphabet of ids and keys.</summary>
public static class Base62
{
    internal const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private const int DigitsOfPart = 10;
    private const ulong Part = 839_299_365_868_340_224; // 62 to the power of 10

    /// <summary>A number as exactly <paramref name="length"/> digits, zero-padded; higher digits are cut.</summary>
    public static string Encode(UInt128 value, int length) => string.Create(length, value, static (span, rest) =>
    {
        // Ten digits at a time, since dividing 128 bits costs twenty times what dividing 64 does.
        for (var end = span.Length; end > 0; end -= DigitsOfPart)
        {
            var (next, digits) = UInt128.DivRem(rest, Part);
            var part = (ulong)digits;
            for (var i = end - 1; i >= Math.Max(0, end - DigitsOfPart); i--) (part, span[i]) = (part / 62, Alphabet[(int)(part % 62)]);
            rest = next;
        }
    });

    /// <summary>Text of <paramref name="length"/> independent, uniformly random digits (5.95 bit each).</summary>
    public static string Random(int length) => RandomNumberGenerator.GetString(Alphabet, length);

    public static bool IsBase62(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c)) return false;
        }

        return true;
    }

    /// <summary>Reads digits back to a number; false on a foreign character or a value over 128 bits.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, out UInt128 value)
    {
        value = 0;
        foreach (var c in text)
        {
            var digit = c switch
            {
                >= '0' and <= '9' => c - '0',
                >= 'A' and <= 'Z' => c - 'A' + 10,
                >= 'a' and <= 'z' => c - 'a' + 36,
                _ => -1,
            };
            if (digit < 0 || value > (UInt128.MaxValue - (UInt128)digit) / 62) return false;
            value = value * 62 + (UInt128)digit;
        }

        return true;
    }
}
