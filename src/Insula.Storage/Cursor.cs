using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Paging;

namespace Insula.Storage;

/// <summary>
/// The cursor of a keyset page: the key of the row it stands at, with a digest that binds it to one list of one owner.
/// The digest is no secret and protects nothing (every statement names its tenant); it tells a cursor that we gave for
/// this list from any other text.
/// </summary>
/// <param name="Backward">Whether the page lies before the row in the list's order.</param>
internal readonly record struct Cursor(long At, string Id, bool Backward = false)
{
    private const int DigestLength = 6;

    /// <summary>Before the first row of a list from high to low.</summary>
    public static Cursor Top { get; } = new(Instant.Max, "~");

    /// <summary>Before the first row of a list from low to high.</summary>
    public static Cursor Bottom { get; } = new(Instant.Min, "");

    /// <summary>The opaque text, of letters, digits, '-' and '_'.</summary>
    /// <param name="list">Name of the list and its owner.</param>
    public string ToText(string list)
    {
        var key = $"{(Backward ? '<' : '>')}{At}:{Id}";
        return Base64Url.EncodeToString([.. Digest(list, key), .. Encoding.UTF8.GetBytes(key)]);
    }

    /// <summary>Reads the request's cursor, or <paramref name="start"/> when it has none; any text that we did not give for this list is a fault.</summary>
    public static Cursor Of(PageRequest page, string list, Cursor start)
    {
        if (page.Limit is < 1 or > PageRequest.LimitMax) throw new FaultException(Fault.Invalid("limit", $"limit is {page.Limit}; use 1 to {PageRequest.LimitMax}."));
        if (page.After is not { } text) return start;
        return Read(text, list) ?? throw new FaultException(Fault.Invalid("page", "This page cursor was not given for this list. Use next_page of the list's last answer, or leave page out.", "invalid_page"));
    }

    private static Cursor? Read(string text, string list)
    {
        if (text.Length > 200 || !Base64Url.IsValid(text)) return null;
        var bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length <= DigestLength) return null;
        var key = Encoding.UTF8.GetString(bytes.AsSpan(DigestLength));
        if (!Digest(list, key).AsSpan().SequenceEqual(bytes.AsSpan(0, DigestLength))) return null;
        var colon = key.IndexOf(':', StringComparison.Ordinal);
        return new(long.Parse(key.AsSpan(1, colon - 1), NumberStyles.AllowLeadingSign), key[(colon + 1)..], key[0] == '<');
    }

    private static byte[] Digest(string list, string key) => SHA256.HashData(Encoding.UTF8.GetBytes($"{list}\n{key}"))[..DigestLength];
}

internal static class Pages
{
    /// <summary>Makes a page of rows read with one row over the limit.</summary>
    public static Page<T> Cut<T>(List<T> rows, int limit, Func<T, string> cursorText)
    {
        if (rows.Count <= limit) return new(rows, null);
        rows.RemoveRange(limit, rows.Count - limit);
        return new(rows, cursorText(rows[^1]));
    }
}
