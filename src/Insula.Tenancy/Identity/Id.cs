using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Insula.Tenancy.Identity;

/// <summary>A kind of object that has ids of its own, written <c>prefix_</c> + 22 base-62 digits.</summary>
public interface IIdentified
{
    static abstract string IdPrefix { get; }
}

/// <summary>
/// The id of a <typeparamref name="T"/>: 128 random bits, so an id tells nothing and cannot be guessed.
/// The kind is part of the type, so that a swapped argument does not compile. The text form is canonical:
/// one value has one spelling, and anything else fails to parse, which keeps hostile ids out of paths and statements.
/// </summary>
public readonly record struct Id<T>(UInt128 Value) : ISpanParsable<Id<T>>
    where T : IIdentified
{
    private const int Digits = 22;

    public static Id<T> New()
    {
        Span<UInt128> value = stackalloc UInt128[1];
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(value));
        return new(value[0]);
    }

    public static Id<T> Parse(string s) => Parse(s, null);

    public static Id<T> Parse(string s, IFormatProvider? provider) =>
        TryParse(s, out var id) ? id : throw new FormatException($"Not an id of the form {T.IdPrefix}_….");

    public static Id<T> Parse(ReadOnlySpan<char> s, IFormatProvider? provider) =>
        TryParse(s, provider, out var id) ? id : throw new FormatException($"Not an id of the form {T.IdPrefix}_….");

    public static bool TryParse([NotNullWhen(true)] string? s, out Id<T> result) => TryParse(s.AsSpan(), null, out result);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Id<T> result) =>
        TryParse(s.AsSpan(), provider, out result);

    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Id<T> result)
    {
        result = default;
        var prefix = T.IdPrefix.AsSpan();
        if (s.Length != prefix.Length + 1 + Digits || !s.StartsWith(prefix, StringComparison.Ordinal) || s[prefix.Length] != '_') return false;
        if (!Base62.TryDecode(s[(prefix.Length + 1)..], out var value)) return false;
        result = new(value);
        return true;
    }

    public override string ToString() => $"{T.IdPrefix}_{Base62.Encode(Value, Digits)}";
}
