using System.Text;
using Insula.Agents.Budgets;
using Insula.TestKit;
using SharpToken;

namespace Insula.Tests.Budgets;

/// <summary>
/// Beside tokenizers that providers use: whoever heeds a limit counts with one of these, and must never be cut. The
/// vocabularies come with the package.
/// </summary>
public sealed class LeastTokensVocabularies
{
    private const int Texts = 3_000;

    // Strings of the whole length would take the tokenizer long, and say no more.
    private const int LengthMax = 400;

    private static readonly string[] Emoji = ["🏛", "🌊", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇮🇹", "❤️", "☕"];

    private static readonly string[] Blanks = [" ", "  ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u3000", "\u2003", "\u2028", "\v", "\f"];

    private static readonly string[] Signs = ["=", "-", "*", "/", "#", ".", "_", "~", "\\", "a", "A", "0", "é", "字", "の", "한", "ا", "🌊", "//", "- ", "ab", "\n/"];

    private static readonly Lazy<string> Sources = new(static () => string.Concat(
        Repository.Files("docs", "*.md").Concat(Repository.Files("src", "*.cs")).Concat(Repository.Files("tests/interop", "*.js*")).Select(Repository.Read)));

    public static TheoryData<string> Vocabularies => ["cl100k_base", "o200k_base", "p50k_base", "r50k_base"];

    [Theory, MemberData(nameof(Vocabularies))]
    public void No_text_counts_for_more_tokens_than_it_has(string vocabulary)
    {
        var (encoding, random) = (GptEncoding.GetEncoding(vocabulary), new Random(13));
        for (var i = 0; i < Texts; i++)
        {
            var text = NextText(random);
            var (least, tokens) = (Count(text), encoding.CountTokens(text));
            Assert.True(least <= tokens, $"{least} tokens are counted, and there are {tokens}: {text}");
        }
    }

    [Theory, MemberData(nameof(Vocabularies))]
    public void No_token_counts_for_more_than_one(string vocabulary)
    {
        using var file = typeof(GptEncoding).Assembly.GetManifestResourceStream($"SharpToken.data.{vocabulary}.tiktoken")!;
        using var reader = new StreamReader(file);
        var (tokens, wrong) = (0, new List<string>());
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0) continue;
            tokens++;

            // Of a token that is a part of a character, the whole parts.
            var text = Encoding.UTF8.GetString(Convert.FromBase64String(line[..line.IndexOf(' ', StringComparison.Ordinal)]));
            if (Count(text) > 1) wrong.Add(text);
        }

        Assert.True(tokens > 50_000, $"only {tokens} tokens");
        Assert.Empty(wrong);
    }

    private static long Count(string text)
    {
        var least = default(LeastTokens);
        least.Add(text);
        return least.Count;
    }

    private static string NextText(Random random) => random.Next(6) switch
    {
        0 or 1 => Slice(random),
        2 => string.Concat(Some(random, 60, () => Rune(random))),
        3 => string.Concat(Some(random, 30, () => Pick(random, Emoji) + (random.Next(3) == 0 ? Pick(random, Blanks) : ""))),
        4 => string.Concat(Some(random, 8, () => string.Concat(Enumerable.Repeat(Pick(random, random.Next(2) == 0 ? Signs : Blanks), random.Next(1, 160))))),
        _ => string.Concat(Some(random, 40, () => random.Next(4) switch { 0 => Pick(random, Blanks), 1 => Pick(random, Signs), 2 => Rune(random), _ => Slice(random)[..5] })),
    };

    private static IEnumerable<string> Some(Random random, int max, Func<string> one) => Enumerable.Range(0, random.Next(1, max)).Select(_ => one());

    private static string Slice(Random random)
    {
        var at = random.Next(Sources.Value.Length - LengthMax);
        return Sources.Value.Substring(at, random.Next(5, LengthMax));
    }

    /// <summary>A character of a script that is chosen by chance.</summary>
    private static string Rune(Random random)
    {
        var (from, to) = random.Next(7) switch
        {
            0 => (0x20, 0x7f),
            1 => (0xa1, 0x250),
            2 => (0x4e00, 0xa000),
            3 => (0x3041, 0x3100),
            4 => (0xac00, 0xd7a4),
            5 => (0x600, 0x700),
            _ => (0x1f300, 0x1f700),
        };
        return char.ConvertFromUtf32(random.Next(from, to));
    }

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];
}
