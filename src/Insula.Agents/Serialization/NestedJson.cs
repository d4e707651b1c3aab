using System.Text.Json;
using System.Text.RegularExpressions;

namespace Insula.Agents.Serialization;

/// <summary>
/// Reads a value from inside a converter. A fault in the value is thrown anew around the original, so that the outer
/// serializer adds the path to the member and whoever reads the exception can join the two.
/// </summary>
public static partial class NestedJson
{
    public static T? Read<T>(ref Utf8JsonReader reader, JsonSerializerOptions options)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(ref reader, options);
        }
        catch (JsonException inside)
        {
            throw Around(inside);
        }
        catch (NotSupportedException unsupported) when (MissingType(unsupported) is { } inside)
        {
            throw Around(inside);
        }
    }

    /// <summary>
    /// The serializer says "not supported" when an object of several kinds comes without its type, although it is the
    /// input that is wrong. This is the exception it should be, or null when the code is at fault after all.
    /// </summary>
    public static JsonException? MissingType(NotSupportedException error) => MissingTypePath().Match(error.Message) is { Success: true } match
        ? new JsonException(error.Message, match.Groups["path"].Value, lineNumber: null, bytePositionInLine: null, error)
        : null;

    private static JsonException Around(JsonException inside) => new(inside.Message, path: null, lineNumber: null, bytePositionInLine: null, inside);

    [GeneratedRegex(@"must specify a type discriminator\. Path: (?<path>\S+) \|", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MissingTypePath();
}
