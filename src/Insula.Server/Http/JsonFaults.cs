using System.Text.Json;
using Insula.Tenancy.Faults;

namespace Insula.Server.Http;

/// <summary>
/// Turns the serializer's exceptions into faults that name the member. The serializer's own texts name .NET types, which
/// say nothing to a caller, so only the member names and the wanted type are taken out of them.
/// </summary>
internal static class JsonFaults
{
    public static Fault Of(JsonException error)
    {
        var field = FieldOf(error);
        if (Between(error.Message, "The JSON property '", "' could not be mapped") is { } unknown)
        {
            var name = Under(ParentOf(field, unknown), unknown);
            return Fault.Invalid(name, $"There is no field {name} here. Leave it out, or check the spelling.", "unknown_field");
        }

        if (Between(error.Message, "was missing required properties including: '", "'.") is { } missing)
        {
            var names = missing.Split("', '").Select(name => Under(field, name)).ToList();
            return Fault.Invalid(names[0], names.Count == 1 ? $"{names[0]} is missing." : $"These fields are missing: {string.Join(", ", names)}.", "missing_field");
        }

        if (Between(error.Message, "Duplicate property '", "' encountered") is { } duplicate)
        {
            return Fault.Invalid(duplicate, $"{duplicate} is given twice in one object.", "duplicate_field");
        }

        if (error.Message.Contains("allow setting null", StringComparison.Ordinal)) return Fault.Invalid(field, $"{field} must not be null.");
        if (Between(error.Message, "could not be converted to ", ". Path") is { } type) return Fault.Invalid(field, $"{Subject(field)} must be {Wanted(type)}.");
        if (error.Message.StartsWith("Expected ", StringComparison.Ordinal)) return Fault.Invalid(field, $"{Subject(field)} is not valid. {error.Message}");
        if (error.Message.Contains("maximum configured depth", StringComparison.Ordinal)) return ProtocolFaults.Malformed("The body is nested deeper than 64 levels.");
        if (error.Message.StartsWith("A string holds", StringComparison.Ordinal)) return ProtocolFaults.Malformed(error.Message);
        if (error.Message.Contains("type discriminator", StringComparison.Ordinal)) return Fault.Invalid(Under(field, "type"), $"{Under(field, "type")} is missing or not one that this route takes.");

        var where = error.LineNumber is { } line ? $" The error is in line {line + 1}, byte {error.BytePositionInLine + 1}." : "";
        return ProtocolFaults.Malformed("The body is not the JSON that this route takes." + where);
    }

    /// <summary>A value that a converter read by itself has a path of its own, below that of its member.</summary>
    private static string FieldOf(JsonException error) => error.InnerException is JsonException { Path: not null } inner
        ? Joined(FieldOf(error.Path), FieldOf(inner))
        : FieldOf(error.Path);

    private static string Joined(string outer, string inner) => inner.Length == 0 || inner[0] == '[' ? outer + inner : Under(outer, inner);

    private static string FieldOf(string? path) => path is null or "$" ? "" : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path[1..];

    /// <summary>The path of an unknown member may or may not end in the member itself, by version of the serializer.</summary>
    private static string ParentOf(string field, string name) =>
        string.Equals(field, name, StringComparison.Ordinal) ? "" : field.EndsWith("." + name, StringComparison.Ordinal) ? field[..^(name.Length + 1)] : field;

    private static string Under(string parent, string name) => parent.Length == 0 ? name : $"{parent}.{name}";

    private static string Subject(string field) => field.Length == 0 ? "The body" : field;

    private static string Wanted(string type) => type switch
    {
        "System.String" => "text",
        "System.Boolean" or "System.Nullable`1[System.Boolean]" => "true or false",
        _ when type.Contains("System.Int32", StringComparison.Ordinal) || type.Contains("System.Int64", StringComparison.Ordinal) => "a whole number in range",
        _ when type.Contains("System.Double", StringComparison.Ordinal) || type.Contains("System.Decimal", StringComparison.Ordinal) => "a number",
        _ when type.Contains("System.DateTimeOffset", StringComparison.Ordinal) => "a time such as 2026-11-22T08:30:00Z",
        _ when type.Contains("List`1", StringComparison.Ordinal) || type.EndsWith("[]", StringComparison.Ordinal) => "a list",
        _ when type.Contains("Dictionary`2", StringComparison.Ordinal) => "an object",
        _ => "of the type that the reference page shows",
    };

    /// <summary>The text after <paramref name="start"/> and before the last <paramref name="end"/>; null when they are not there.</summary>
    private static string? Between(string text, string start, string end)
    {
        var from = text.IndexOf(start, StringComparison.Ordinal);
        if (from < 0) return null;
        from += start.Length;
        var to = text.LastIndexOf(end, StringComparison.Ordinal);
        return to <= from ? null : text[from..to];
    }
}
