using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Serialization;

/// <summary>
/// The one JSON form of agents' data, stored and on <c>/v1</c>: snake_case, ids as text, unknown members ignored, and a
/// closed list of types (no type name in data ever chooses a class).
/// </summary>
public static class AgentsJson
{
    public static JsonSerializerOptions Options { get; } = Create();

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            PropertyNameCaseInsensitive = false,
            NumberHandling = JsonNumberHandling.Strict,
            AllowOutOfOrderMetadataProperties = true,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            MaxDepth = 64,
            // The answers are JSON bodies and never markup, so quotes and letters stay readable.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        options.Converters.Add(new IdJsonConverter());
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
