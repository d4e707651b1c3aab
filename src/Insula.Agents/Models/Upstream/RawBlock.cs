using System.Text.Json;

namespace Insula.Agents.Models.Upstream;

/// <summary>Reads a block in the Anthropic shape for providers that have shapes of their own; null when it is not of the asked kind.</summary>
internal static class RawBlock
{
    /// <summary>The base64 data of an image, with its media type.</summary>
    public static (string MediaType, string Data)? Image(RawContent raw) =>
        raw.Type == "image" && Source(raw) is { } source && Text(source, "type") == "base64" && Text(source, "data") is { } data
            ? (Text(source, "media_type") ?? "image/png", data)
            : null;

    /// <summary>An image's address, or its data as a data URL.</summary>
    public static string? ImageUrl(RawContent raw)
    {
        if (Image(raw) is var (mediaType, data)) return $"data:{mediaType};base64,{data}";
        return raw.Type == "image" && Source(raw) is { } source && Text(source, "type") == "url" ? Text(source, "url") : null;
    }

    /// <summary>The words of a text document or a search result, with its title.</summary>
    public static string? Text(RawContent raw)
    {
        var words = raw.Type switch
        {
            "document" when Source(raw) is { } source && Text(source, "type") == "text" => Text(source, "data"),
            "search_result" when raw.Block.TryGetProperty("content", out var parts) && parts.ValueKind == JsonValueKind.Array =>
                string.Join('\n', parts.EnumerateArray().Select(part => Text(part, "text")).OfType<string>()),
            _ => null,
        };
        return words is not null && Text(raw.Block, "title") is { } title ? $"{title}\n\n{words}" : words;
    }

    private static JsonElement? Source(RawContent raw) =>
        raw.Block.TryGetProperty("source", out var source) && source.ValueKind == JsonValueKind.Object ? source : null;

    private static string? Text(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
