using System.Text.Json;
using Insula.Agents.Input;
using Insula.Tenancy.Faults;

namespace Insula.Server.Http;

/// <summary>
/// Turns the serializer's exceptions into faults that name the member. The serializer's own texts name .NET types, which
/// say nothing to a caller, so only the members' names are taken out of them, and the wanted type from the member itself.
/// </summary>
internal static class JsonFaults
{
    /// <summary>How the converter of ids begins its own message.</summary>
    private const string ExpectedId = "Expected an id";

    /// <param name="body">The type that the body was read as.</param>
    public static Fault Of(JsonException error, Type body, JsonSerializerOptions options)
    {
        var field = FieldOf(PathOf(error));
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

        if (error.Message.Contains("Duplicate properties", StringComparison.Ordinal)) return Fault.Invalid(field, $"{field} is given twice in one object.", "duplicate_field");
        if (error.Message.Contains("null values", StringComparison.Ordinal)) return Fault.Invalid(field, $"{field} must not be null.");
        if (error.Message.StartsWith(ExpectedId, StringComparison.Ordinal)) return Fault.Invalid(field, $"{Subject(field)} is not valid. {error.Message}");
        if (error.Message.Contains("could not be converted to ", StringComparison.Ordinal))
        {
            return Fault.Invalid(field, $"{Subject(field)} must be {JsonShapes.Wanted(JsonShapes.At(field, body, options))}.");
        }

        if (error.Message.Contains("type discriminator", StringComparison.Ordinal))
        {
            var type = Under(field, "type");
            return Fault.Invalid(type, $"{type} is missing, or not one that this route takes.");
        }

        if (error.Message.Contains("maximum configured depth", StringComparison.Ordinal)) return ProtocolFaults.Malformed("The body is nested deeper than 64 levels.");
        if (error.Message.StartsWith(RequestBody.BrokenEscape, StringComparison.Ordinal)) return ProtocolFaults.Malformed(RequestBody.BrokenEscape);

        var where = error.LineNumber is { } line ? $" The error is in line {line + 1}, byte {error.BytePositionInLine + 1}." : "";
        return ProtocolFaults.Malformed("The body is not valid JSON." + where);
    }

    /// <summary>A converter that hands a value on (<see cref="Change{T}"/>) wraps what failed inside: the path is both paths together.</summary>
    private static string PathOf(JsonException error)
    {
        var path = error.Path ?? "$";
        for (var inner = error.InnerException as JsonException; inner is not null; inner = inner.InnerException as JsonException)
        {
            path += (inner.Path ?? "$")[1..];
        }

        return path;
    }

    private static string FieldOf(string path) => path == "$" ? "" : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path[1..];

    /// <summary>The path of an unknown member may or may not end in the member itself, by version of the serializer.</summary>
    private static string ParentOf(string field, string name) =>
        string.Equals(field, name, StringComparison.Ordinal) ? "" : field.EndsWith("." + name, StringComparison.Ordinal) ? field[..^(name.Length + 1)] : field;

    private static string Under(string parent, string name) => parent.Length == 0 ? name : $"{parent}.{name}";

    private static string Subject(string field) => field.Length == 0 ? "The body" : field;

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
