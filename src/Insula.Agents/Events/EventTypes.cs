using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json.Serialization;

namespace Insula.Agents.Events;

/// <summary>The names of event types, as <see cref="EventBody"/> declares them.</summary>
public static class EventTypes
{
    private static readonly FrozenDictionary<Type, string> Names = typeof(EventBody)
        .GetCustomAttributes<JsonDerivedTypeAttribute>()
        .ToFrozenDictionary(attribute => attribute.DerivedType, attribute => (string)attribute.TypeDiscriminator!);

    /// <summary>For example <c>agent.message</c>.</summary>
    public static string Of(EventBody body) => Names[body.GetType()];
}
