namespace Insula.Tenancy.Access;

/// <summary>CRC-32 (IEEE 802.3): tells a mistyped key from a real one without a store, and finds every change of one character.</summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;

    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(static b => Remainder((uint)b))];

    /// <summary>The checksum of text of which every character is ASCII.</summary>
    public static uint Of(ReadOnlySpan<char> ascii)
    {
        var crc = uint.MaxValue;
        foreach (var c in ascii) crc = Table[(byte)(crc ^ c)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint Remainder(uint value)
    {
        for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? Polynomial ^ (value >> 1) : value >> 1;
        return value;
    }
}
