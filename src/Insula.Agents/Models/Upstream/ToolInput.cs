using System.Text.Json;

namespace Insula.Agents.Models.Upstream;

/// <summary>The arguments of a tool call, which models write as text and sometimes write wrong.</summary>
internal static class ToolInput
{
    private static readonly JsonElement None = JsonDocument.Parse("{}").RootElement.Clone();

    /// <summary>The JSON object in the text; empty text is an empty object, anything else is null.</summary>
    public static JsonElement? Parse(string text)
    {
        if (string.IsNullOrWhiteSpace(text)) return None;
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The failure of a turn whose call has wrong arguments; the model may well write them right the next time.</summary>
    public static ModelException Wrong(string provider, string tool) =>
        UpstreamFailure.Broken(provider, $"the arguments of the tool call '{(tool.Length <= 100 ? tool : tool[..100])}' are not a JSON object.");
}
