using System.Globalization;
using System.Text.Json;

namespace Insula.Server.Commands.Output;

/// <summary>The core schema of YAML 1.2 for plain scalars: null, booleans and numbers as JSON has them; all else is text (<c>no</c> is no boolean).</summary>
internal static class YamlScalars
{
    public static JsonElement Resolve(string plain) => plain switch
    {
        "" or "~" or "null" or "Null" or "NULL" => JsonSerializer.SerializeToElement<object?>(null),
        "true" or "True" or "TRUE" => JsonSerializer.SerializeToElement(true),
        "false" or "False" or "FALSE" => JsonSerializer.SerializeToElement(false),
        _ when long.TryParse(plain, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => JsonSerializer.SerializeToElement(whole),
        _ when IsNumber(plain) && double.TryParse(plain, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) =>
            JsonSerializer.SerializeToElement(number),
        _ => JsonSerializer.SerializeToElement(plain),
    };

    private static bool IsNumber(string text) => text.Any(char.IsAsciiDigit) && text.All(static c => char.IsAsciiDigit(c) || c is '+' or '-' or '.' or 'e' or 'E');
}
