using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;

namespace Insula.Tenancy.Access;

/// <summary>
/// The secret half of every key's hash: HMAC-SHA256 under a pepper that lives in a file beside the data and never in a
/// store, so a stolen store alone verifies no key. Peppers have versions; a key names the one that it was hashed under,
/// and new keys take the highest. No slow hash: the secrets carry 190 random bits, and a slow one is a lever to make the
/// server work. Opened once by <see cref="StartTenancy"/>, before the first request.
/// </summary>
internal sealed class Peppers
{
    public const int HashLength = HMACSHA256.HashSizeInBytes;

    // Longer than any key; a credential over it never reaches the hash.
    public const int TextCharsMax = 512;

    private FrozenDictionary<int, byte[]>? _byVersion;
    private byte[] _current = [];

    public int CurrentVersion { get; private set; }

    public void Open(IReadOnlyDictionary<int, byte[]> byVersion)
    {
        _byVersion = byVersion.ToFrozenDictionary();
        CurrentVersion = byVersion.Keys.Max();
        _current = byVersion[CurrentVersion];
    }

    public byte[] Hash(string text)
    {
        var hash = new byte[HashLength];
        HashCurrent(text, hash);
        return hash;
    }

    /// <summary>The hash under the current pepper, into <paramref name="hash"/>.</summary>
    public void HashCurrent(string text, Span<byte> hash)
    {
        if (_byVersion is null) throw new InvalidOperationException("StartTenancy has not opened the peppers yet.");
        HashUnder(_current, text, hash);
    }

    /// <summary>
    /// Whether <paramref name="stored"/> is the hash of the text, in a time that depends on neither. A pepper version
    /// that the file no longer holds matches nothing.
    /// </summary>
    /// <param name="current">The text's hash under the current pepper, so that the common case hashes once.</param>
    public bool Matches(string text, ReadOnlySpan<byte> current, ReadOnlySpan<byte> stored, int version)
    {
        if (version == CurrentVersion) return CryptographicOperations.FixedTimeEquals(current, stored);
        if (_byVersion is null || !_byVersion.TryGetValue(version, out var pepper)) return false;

        Span<byte> hash = stackalloc byte[HashLength];
        HashUnder(pepper, text, hash);
        return CryptographicOperations.FixedTimeEquals(hash, stored);
    }

    /// <summary>The hash under the pepper of that version; null when it is there no longer.</summary>
    public byte[]? HashUnder(int version, string text)
    {
        if (_byVersion is null || !_byVersion.TryGetValue(version, out var pepper)) return null;
        var hash = new byte[HashLength];
        HashUnder(pepper, text, hash);
        return hash;
    }

    private static void HashUnder(byte[] pepper, string text, Span<byte> hash)
    {
        Span<byte> utf8 = stackalloc byte[TextCharsMax * 3];
        var length = Encoding.UTF8.GetBytes(text, utf8);
        HMACSHA256.HashData(pepper, utf8[..length], hash);
    }
}
