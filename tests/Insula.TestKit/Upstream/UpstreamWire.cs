using System.Text.Json;
using System.Text.Json.Nodes;

namespace Insula.TestKit.Upstream;

/// <summary>How one protocol writes a reply.</summary>
public abstract class UpstreamWire
{
    public abstract string StreamMediaType { get; }

    /// <summary>The frames of a streamed answer, each as the bytes' text.</summary>
    public abstract IEnumerable<string> Frames(UpstreamReply reply);

    /// <summary>The answer to a request that did not ask for a stream.</summary>
    public abstract JsonObject Whole(UpstreamReply reply);

    public abstract JsonObject Error(string message, string type);

    public abstract JsonObject Models(IReadOnlyList<string> names);

    protected static string Data(JsonObject data) => $"data: {data.ToJsonString()}\n\n";

    protected static JsonNode? Parsed(string json)
    {
        try
        {
            return JsonNode.Parse(json);
        }
        catch (JsonException)
        {
            return JsonValue.Create(json);
        }
    }
}
