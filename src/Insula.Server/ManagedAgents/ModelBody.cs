using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Agents;
using Insula.Agents.Input;
using Insula.Agents.Serialization;
using Insula.Tenancy.Faults;

namespace Insula.Server.ManagedAgents;

/// <summary>A model as a client gives it: its name, or an object with the name and how to ask it.</summary>
[JsonConverter(typeof(ModelBodyConverter))]
internal record ModelBody(string Id)
{
    private static readonly string[] Levels = ["low", "medium", "high", "xhigh", "max"];

    /// <summary>A level, bare or as <c>{"type":"high"}</c>.</summary>
    public Change<JsonElement> Effort { get; init; }

    public string? Speed { get; init; }

    public string? InferenceGeo { get; init; }

    public static Fault? Violation(string field, ModelBody? model)
    {
        if (model is null) return null;
        if (model.Effort.IsGiven && model.Level is null && model.Effort.Value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null))
        {
            return Fault.Invalid($"{field}.effort", $"{field}.effort must be {string.Join(", ", Levels)}, or an object with one of them as type.");
        }

        if (model.Speed is not (null or "standard" or "fast")) return Fault.Invalid($"{field}.speed", $"{field}.speed must be standard or fast.");
        return model.InferenceGeo?.Length > 64 ? Fault.Invalid($"{field}.inference_geo", $"{field}.inference_geo has more than 64 characters.") : null;
    }

    public ModelChoice ToChoice() => new(
        Id,
        Level is { } level ? Element(new { type = level }) : null,
        Speed is null ? null : Element(Speed),
        InferenceGeo is null ? null : Element(InferenceGeo));

    public ModelChange ToChange() => new(ToChoice(), KeepsEffort: !Effort.IsGiven);

    private string? Level
    {
        get
        {
            var effort = Effort.Value;
            if (effort.ValueKind == JsonValueKind.Object && effort.TryGetProperty("type", out var type)) effort = type;
            return effort.ValueKind == JsonValueKind.String && effort.GetString() is { } level && Levels.Contains(level) ? level : null;
        }
    }

    private static JsonElement Element<T>(T value) => JsonSerializer.SerializeToElement(value, AgentsJson.Options);
}

internal sealed class ModelBodyConverter : JsonConverter<ModelBody>
{
    public override ModelBody? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? new(reader.GetString()!) : NestedJson.Read<ObjectForm>(ref reader, options);

    public override void Write(Utf8JsonWriter writer, ModelBody value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Bodies are only read.");

    /// <summary>The same without this converter, which derived types do not inherit.</summary>
    private sealed record ObjectForm(string Id) : ModelBody(Id);
}
