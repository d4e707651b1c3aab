using System.Text.Json;
using Insula.Agents.Models.Upstream;

namespace Insula.Agents.Models.OpenAI;

/// <summary>The parts of a user's message: text, and what of images, documents and search results this API can take.</summary>
internal static class OpenAIParts
{
    /// <summary>Throws <see cref="ModelException"/> (Refused) for a block that the API has no shape for.</summary>
    public static void Write(Utf8JsonWriter json, ModelContent content)
    {
        json.WriteStartObject();
        if (content is TextContent text) WriteText(json, text.Text);
        else if (content is RawContent raw && RawBlock.ImageUrl(raw) is { } url) WriteImage(json, url);
        else if (content is RawContent other && RawBlock.Text(other) is { } words) WriteText(json, words);
        else throw UpstreamFailure.Refused($"{OpenAIProvider.ProviderName} takes text, images and text documents; this {(content as RawContent)?.Type ?? "block"} is of another kind.");
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string text)
    {
        json.WriteString("type"u8, "text"u8);
        json.WriteString("text"u8, text);
    }

    private static void WriteImage(Utf8JsonWriter json, string url)
    {
        json.WriteString("type"u8, "image_url"u8);
        json.WriteStartObject("image_url"u8);
        json.WriteString("url"u8, url);
        json.WriteEndObject();
    }
}
