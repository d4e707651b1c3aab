using Insula.Tenancy.Faults;

namespace Insula.Storage.Engine;

/// <summary>What a parameter may hold, on every engine the same.</summary>
internal static class Values
{
    /// <summary>PostgreSQL has no text with U+0000, so no engine stores one: a tenant that moves keeps every byte.</summary>
    public static void RefuseUnstorable(string name, object? value)
    {
        if (value is string text ? text.Contains('\0') : value is string?[] texts && Array.Exists(texts, static t => t?.Contains('\0') == true))
        {
            var field = name.TrimStart('@');
            throw new FaultException(Fault.Invalid(field, $"{field} contains the character U+0000, which no text here can hold. Remove it.", "text_unstorable"));
        }
    }
}
