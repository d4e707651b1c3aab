using System.Diagnostics.CodeAnalysis;
using Insula.Tenancy.Identity;

namespace Insula.Tenancy.Access;

internal enum KeyKind
{
    /// <summary>Acts for one tenant.</summary>
    Tenant,

    /// <summary>Acts for the operator of the installation.</summary>
    Platform,
}

/// <summary>
/// The text of a key: <c>sk_tenant_</c> or <c>sk_platform_</c>, a handle of 12 base-62 digits, <c>_</c>, a secret of 32
/// (190 bit) and a checksum of 6 over all before it. The handle is random and only finds the row: the text names no
/// tenant, so a leaked key tells nobody whose it is. One key has one spelling; the checksum refuses a mistyped or made-up
/// one without a store. It prints without its secret.
/// </summary>
internal sealed class KeyText
{
    public const int HandleLength = 12;
    public const int SecretLength = 32;
    private const int ChecksumLength = 6;
    private const string TenantPrefix = "sk_tenant_";
    private const string PlatformPrefix = "sk_platform_";

    private KeyText(KeyKind kind, string handle, string text)
    {
        Kind = kind;
        Handle = handle;
        Text = new Secret(text);
    }

    public KeyKind Kind { get; }

    public string Handle { get; }

    public Secret Text { get; }

    public static KeyText New(KeyKind kind)
    {
        var handle = Base62.Random(HandleLength);
        var body = $"{PrefixOf(kind)}{handle}_{Base62.Random(SecretLength)}";
        return new(kind, handle, body + ChecksumOf(body));
    }

    /// <summary>Reads a key; false when its form or its checksum is wrong.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out KeyText? key)
    {
        key = null;
        if (!TryKind(text, out var kind)) return false;

        var rest = text.AsSpan(PrefixOf(kind).Length);
        if (rest.Length != HandleLength + 1 + SecretLength + ChecksumLength || rest[HandleLength] != '_') return false;

        var handle = rest[..HandleLength];
        if (!Base62.IsBase62(handle) || !Base62.IsBase62(rest[(HandleLength + 1)..])) return false;
        if (!rest[^ChecksumLength..].SequenceEqual(ChecksumOf(text.AsSpan(0, text.Length - ChecksumLength)))) return false;

        key = new(kind, handle.ToString(), text);
        return true;
    }

    public override string ToString() => $"{PrefixOf(Kind)}{Handle}_…";

    private static bool TryKind(string text, out KeyKind kind)
    {
        kind = text.StartsWith(PlatformPrefix, StringComparison.Ordinal) ? KeyKind.Platform : KeyKind.Tenant;
        return text.StartsWith(PrefixOf(kind), StringComparison.Ordinal);
    }

    private static string PrefixOf(KeyKind kind) => kind == KeyKind.Platform ? PlatformPrefix : TenantPrefix;

    private static string ChecksumOf(ReadOnlySpan<char> body) => Base62.Encode(Crc32.Of(body), ChecksumLength);
}
