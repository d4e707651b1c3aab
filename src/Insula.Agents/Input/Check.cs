using System.Diagnostics.CodeAnalysis;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Input;

/// <summary>The rules that several inputs share. Lengths are in UTF-16 units, as .NET and JavaScript clients count them.</summary>
internal static class Check
{
    public const int NameCharsMax = 256;
    public const int DescriptionCharsMax = 2048;
    public const int MetadataPairsMax = 16;
    public const int MetadataKeyCharsMax = 64;
    public const int MetadataValueCharsMax = 512;

    /// <summary>A name for people: not blank, one line.</summary>
    public static Fault? Name(string field, string? value, int charsMax = NameCharsMax)
    {
        if (string.IsNullOrWhiteSpace(value)) return Fault.Invalid(field, $"{field} must not be empty.");
        if (value.Any(char.IsControl)) return Fault.Invalid(field, $"{field} must not hold control characters such as line breaks.");
        return Length(field, value, charsMax);
    }

    public static Fault? Length(string field, string? value, int charsMax) => value?.Length > charsMax
        ? Fault.Invalid(field, $"{field} has {value.Length} characters; at most {charsMax} are allowed.")
        : null;

    public static Fault? Count(string field, int count, int max) =>
        count > max ? Fault.Invalid(field, $"{field} has {count} entries; at most {max} are allowed.") : null;

    /// <param name="code">The fault's code: environments have one of their own for metadata.</param>
    public static Fault? Metadata(IReadOnlyDictionary<string, string> metadata, string code = "invalid_field")
    {
        if (metadata.Count > MetadataPairsMax)
        {
            return Fault.Invalid("metadata", $"metadata has {metadata.Count} pairs; at most {MetadataPairsMax} are allowed.", code);
        }

        foreach (var (key, value) in metadata)
        {
            if (key.Length is 0 or > MetadataKeyCharsMax)
            {
                return Fault.Invalid("metadata", $"A key of metadata has {key.Length} characters; 1 to {MetadataKeyCharsMax} are allowed.", code);
            }

            if (value is null) return Fault.Invalid($"metadata.{key}", $"metadata.{key} must be text.", code);
            if (value.Length > MetadataValueCharsMax)
            {
                return Fault.Invalid($"metadata.{key}", $"metadata.{key} has {value.Length} characters; at most {MetadataValueCharsMax} are allowed.", code);
            }
        }

        return null;
    }

    /// <summary>Applies a patch of metadata: a null value removes its key, null as a whole changes nothing.</summary>
    [return: NotNullIfNotNull(nameof(current))]
    public static IReadOnlyDictionary<string, string>? Patched(IReadOnlyDictionary<string, string>? current, IReadOnlyDictionary<string, string?>? patch)
    {
        if (current is null || patch is null || patch.Count == 0) return current;
        var patched = new Dictionary<string, string>(current);
        foreach (var (key, value) in patch)
        {
            if (value is null) patched.Remove(key);
            else patched[key] = value;
        }

        return patched;
    }
}
