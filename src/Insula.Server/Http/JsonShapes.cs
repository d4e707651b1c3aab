using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Insula.Agents.Input;

namespace Insula.Server.Http;

/// <summary>Says which kind of value a member takes, from the type that a body is read as.</summary>
internal static class JsonShapes
{
    /// <summary>The type of the member at a path such as <c>limits.storage_bytes</c> or <c>tools[2].name</c>; null when it cannot be told.</summary>
    public static Type? At(string path, Type body, JsonSerializerOptions options)
    {
        var type = body;
        foreach (var part in path.Replace("[", ".[", StringComparison.Ordinal).Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            var info = options.GetTypeInfo(Inner(type));
            var next = info.Kind switch
            {
                JsonTypeInfoKind.Object => Members(info, options).FirstOrDefault(member => string.Equals(member.Name, part, StringComparison.Ordinal))?.PropertyType,
                JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary => info.ElementType,
                _ => null,
            };
            if (next is null) return null;
            type = next;
        }

        return type;
    }

    /// <summary>What a value of this type looks like, in words.</summary>
    public static string Wanted(Type? wanted)
    {
        var type = wanted is null ? null : Inner(wanted);
        if (type is null) return "of another type";
        if (type.IsEnum) return $"one of: {string.Join(", ", Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName))}";
        if (type == typeof(string)) return "text";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int) || type == typeof(long)) return "a whole number in range";
        if (type == typeof(double) || type == typeof(decimal)) return "a number";
        if (type == typeof(DateTimeOffset)) return "a time such as 2026-11-22T08:30:00Z";

        return ApiJson.Options.GetTypeInfo(type).Kind switch
        {
            JsonTypeInfoKind.Enumerable => "a list",
            JsonTypeInfoKind.Object or JsonTypeInfoKind.Dictionary => "an object",
            _ => "text or an object",
        };
    }

    /// <summary>The members of an object; of one of several kinds, those of all kinds.</summary>
    private static IEnumerable<JsonPropertyInfo> Members(JsonTypeInfo info, JsonSerializerOptions options) =>
        info.Properties.Concat((info.PolymorphismOptions?.DerivedTypes ?? []).SelectMany(kind => options.GetTypeInfo(kind.DerivedType).Properties));

    /// <summary>The type whose JSON it is: that of the value in a nullable or in a member of an update.</summary>
    private static Type Inner(Type type) =>
        type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(Nullable<>) || type.GetGenericTypeDefinition() == typeof(Change<>))
            ? Inner(type.GetGenericArguments()[0])
            : type;
}
