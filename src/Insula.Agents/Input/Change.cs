using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Serialization;

namespace Insula.Agents.Input;

/// <summary>
/// A member of an update. Left out (the default) it keeps what is stored; given, it replaces it, and null clears it. JSON
/// tells the two apart, and a plain nullable member cannot.
/// </summary>
[JsonConverter(typeof(ChangeJsonConverter))]
public readonly record struct Change<T>
{
    public Change(T? value)
    {
        Value = value;
        IsGiven = true;
    }

    public bool IsGiven { get; }

    public T? Value { get; }

    /// <summary>What stands after the update of a member that may be null.</summary>
    public T? Over(T? current) => IsGiven ? Value : current;

    public Change<TOther> Map<TOther>(Func<T?, TOther?> map) => IsGiven ? new(map(Value)) : default;
}

/// <summary>Reads and writes <see cref="Change{T}"/> as its value.</summary>
internal sealed class ChangeJsonConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Change<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Converter<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class Converter<T> : JsonConverter<Change<T>>
    {
        public override bool HandleNull => true;

        public override Change<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.Null ? new(default) : new(NestedJson.Read<T>(ref reader, options));

        public override void Write(Utf8JsonWriter writer, Change<T> value, JsonSerializerOptions options) =>
            JsonSerializer.Serialize(writer, value.Value, options);
    }
}
