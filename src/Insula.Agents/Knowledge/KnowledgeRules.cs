using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using Insula.Agents.Input;
using Insula.Knowledge.Learning;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Knowledge;

/// <summary>What text and questions must keep to.</summary>
internal static class KnowledgeRules
{
    public const int SourceCharsMax = 500;
    public const int TextBytesMax = 16 << 20;
    public const int QueryCharsMax = 4000;
    public const string Markdown = "text/markdown";
    public const string Plain = "text/plain";

    public static readonly Fault NotFound = Fault.NotFound("knowledge source");

    private static readonly string[] MarkdownEndings = [".md", ".markdown", ".mdx", ".mkd"];

    public static Fault NothingIn(string name) => Fault.Invalid("text", $"The text of {name} is empty; there is nothing to learn.");

    public static Fault? Violation(TextToLearn text) =>
        Check.Name("source", text.Name, SourceCharsMax) ?? Check.Metadata(text.Metadata) ?? ContentViolation(text);

    /// <summary>Markdown when the type or the name says so, or when the name has no ending, as of a text that was typed in.</summary>
    public static string MediaTypeOf(TextToLearn text)
    {
        var given = text.MediaType?.Split(';')[0].Trim();
        if (string.Equals(given, Markdown, StringComparison.OrdinalIgnoreCase)) return Markdown;
        if (string.Equals(given, Plain, StringComparison.OrdinalIgnoreCase)) return HasMarkdownEnding(text.Name) ? Markdown : Plain;
        return HasMarkdownEnding(text.Name) || Path.GetExtension(text.Name).Length == 0 ? Markdown : Plain;
    }

    public static TextFormat FormatOf(string mediaType) => string.Equals(mediaType, Markdown, StringComparison.Ordinal) ? TextFormat.Markdown : TextFormat.Plain;

    public static string HashOf(ReadOnlySpan<byte> utf8) => Convert.ToHexStringLower(SHA256.HashData(utf8));

    /// <summary>The text without a byte order mark.</summary>
    public static string Decode(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8.StartsWith(Encoding.UTF8.Preamble) ? utf8[3..] : utf8);

    private static Fault? ContentViolation(TextToLearn text)
    {
        var utf8 = text.Utf8.Span;
        if (utf8.Length > TextBytesMax)
        {
            return new Fault(FaultKind.TooLarge, "source_too_large", $"The text of {text.Name} has {utf8.Length} bytes; at most {TextBytesMax} (16 MB) are learned at once. Split it.") { Field = "text" };
        }

        // Both are how a program finds out that a file is not text, whatever its name says.
        if (utf8.Contains((byte)0) || utf8.StartsWith("%PDF-"u8) || !Utf8.IsValid(utf8))
        {
            return Fault.Invalid("text", $"{text.Name} is not UTF-8 text. Plain text and Markdown can be learned; convert other files first.", "not_text");
        }

        return null;
    }

    private static bool HasMarkdownEnding(string name) => MarkdownEndings.Any(ending => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}
