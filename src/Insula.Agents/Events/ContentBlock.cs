using System.Text.Json;
using System.Text.Json.Serialization;

namespace Insula.Agents.Events;

/// <summary>A block of content: <c>text</c>, <c>image</c>, <c>document</c> or <c>search_result</c>. Members that we do not read pass through unchanged.</summary>
public sealed record ContentBlock(string Type, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Text = null)
{
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; init; }

    public static ContentBlock OfText(string text) => new("text", text);
}
