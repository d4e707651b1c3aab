using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Budgets;

namespace Insula.Tests.Budgets;

/// <summary>Texts with a known number of tokens, as any tokenizer may have made them.</summary>
internal static class GeneratedTokens
{
    private static readonly Gen<string> Blanks = Gen.Elements("", "", "", " ", "\n", "  ", "\t", "\r\n", "\n\n    ");

    private static readonly Gen<string> Words = Gen.OneOf(
        Gen.Elements("a", "insula", "it's", "字", "//", "/", "=="),
        Gen.Elements("abinst0123.,;:!?'\"()[]{}<>=+-*/\\_#@%&|~^`$é字🏛\u00a0".ToCharArray()).NonEmptyListOf().Select(static letters => new string([.. letters.Take(20)])),
        Gen.Choose(1, LeastTokens.CharactersMax).Select(static length => new string('=', length)));

    // A token holds one word at most; after signs it may hold the end of the line, and slashes behind that.
    private static readonly Gen<string> Token = Gen.OneOf(
        Blanks.SelectMany(static _ => Words, static (before, word) => before + word).SelectMany(static _ => Blanks, static (text, after) => text + after),
        Gen.Elements(" ", "\n\n", "}\n//", ";\r\n/", "\n//", "\u00a0 \u00a0", "\u3000\n\n\u3000\n"));

    /// <summary>Up to <paramref name="max"/> tokens.</summary>
    public static Gen<List<string>> Lists(int max) => Gen.Choose(0, max).SelectMany(static count => Token.ListOf(count)).Select(static tokens => tokens.ToList());

    /// <summary>The text in pieces of these sizes, over and over.</summary>
    public static IEnumerable<string> Pieces(string text, IReadOnlyList<int> sizes)
    {
        for (var (at, i) = (0, 0); at < text.Length; i++)
        {
            var size = Math.Min(sizes[i % sizes.Count], text.Length - at);
            yield return text.Substring(at, size);
            at += size;
        }
    }
}
