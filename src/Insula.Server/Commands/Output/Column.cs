using System.Globalization;
using System.Text.Json;

namespace Insula.Server.Commands.Output;

/// <summary>A column of a table: its head, and the text of one object of the API in it.</summary>
internal sealed record Column(string Head, Func<JsonElement, string> Text)
{
    /// <param name="path">Names of members, joined by dots.</param>
    public Column(string head, string path)
        : this(head, item => Show(item.At(path)))
    {
    }

    /// <summary>A moment, to the second and in UTC.</summary>
    public static Column Time(string head, string path) => new(head, item => item.At(path) is { ValueKind: JsonValueKind.String } value
        && value.TryGetDateTimeOffset(out var moment) ? moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + "Z" : "");

    private static string Show(JsonElement? value) => value switch
    {
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => "",
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Array } list => string.Join(", ", list.EnumerateArray().Select(static item => Show(item))),
        { } other => other.GetRawText(),
    };
}

internal static class JsonPaths
{
    /// <summary>The member at a path of names joined by dots, or null when any of them is missing.</summary>
    public static JsonElement? At(this JsonElement item, string path)
    {
        foreach (var name in path.Split('.'))
        {
            if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty(name, out item)) return null;
        }

        return item;
    }

    /// <summary>The text at a path, or "" when there is none.</summary>
    public static string TextAt(this JsonElement item, string path) =>
        item.At(path) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";
}
