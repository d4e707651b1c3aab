using System.Text.Json;

namespace Insula.Agents.Serialization;

/// <summary>
/// Reads a value from inside a converter. A fault in the value is thrown anew around the original, so that the outer
/// serializer adds the path to the member and whoever reads the exception can join the two.
/// </summary>
public static class NestedJson
{
    public static T? Read<T>(ref Utf8JsonReader reader, JsonSerializerOptions options)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(ref reader, options);
        }
        catch (JsonException inside)
        {
            throw new JsonException(inside.Message, path: null, lineNumber: null, bytePositionInLine: null, inside);
        }
    }
}
