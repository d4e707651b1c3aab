using System.Globalization;
using System.Text;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Wording;

/// <summary>
/// Text for people in one line: any script, no control characters, no broken surrogates, no line separators, and
/// something to see. Spaces around it are dropped.
/// </summary>
internal static class VisibleText
{
    public static Result<string> Check(string field, string? text, int charactersMax)
    {
        var trimmed = text?.Trim() ?? "";
        if (trimmed.Length == 0) return Fault.Invalid(field, $"{field} must not be empty; give 1 to {charactersMax} characters.");

        var count = 0;
        var visible = false;
        for (var rest = trimmed.AsSpan(); rest.Length > 0; count++)
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var length) != System.Buffers.OperationStatus.Done)
            {
                return Fault.Invalid(field, $"{field} is not well-formed Unicode: character {count + 1} is half of a pair.");
            }

            var category = Rune.GetUnicodeCategory(rune);
            if (category is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                return Fault.Invalid(field, $"{field} must be one line without control characters; character {count + 1} is U+{rune.Value:X4}.");
            }

            visible |= category is not (UnicodeCategory.Format or UnicodeCategory.SpaceSeparator or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse);
            rest = rest[length..];
        }

        if (count > charactersMax) return Fault.Invalid(field, $"{field} has {count} characters; the limit is {charactersMax}.");
        return visible ? trimmed : Fault.Invalid(field, $"{field} must have a character that can be seen.");
    }
}
