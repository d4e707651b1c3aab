using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Serialization;
using Insula.Tenancy.Identity;

namespace Insula.Server.Http;

/// <summary>
/// How bodies are read and written. Both APIs are snake_case and refuse duplicate members (two readers must never see two
/// values); ours also refuses unknown members by name, because a misspelt limit that is ignored is a limit not set.
/// </summary>
internal static class ApiJson
{
    /// <summary><c>/api/v1</c>, both directions.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>Bodies that come in on <c>/v1</c>: unknown members are ignored, as the vendor's clients expect.</summary>
    public static JsonSerializerOptions VendorInput { get; } = CreateVendorInput();

    /// <summary>Brings any options to the form of <see cref="Options"/>.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.DictionaryKeyPolicy = null;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.AllowDuplicateProperties = false;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.MaxDepth = 64;
        // The answers are JSON bodies and never markup, so quotes and letters stay readable.
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new IdJsonConverter());
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
    }

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Configure(options);
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    private static JsonSerializerOptions CreateVendorInput()
    {
        var options = new JsonSerializerOptions(AgentsJson.Options) { AllowDuplicateProperties = false };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
