using System.Text;
using Insula.Knowledge.Learning;

namespace Insula.Tests.Knowledge;

/// <summary>Texts made from a seed: the same seed gives the same text everywhere.</summary>
internal static class Corpora
{
    private static readonly string[] Words =
    [
        "tenant", "tenants", "agent", "placement", "placed", "budget", "run", "running", "ledger", "vault", "the", "of", "and", "is",
        "naïve", "NAIVE", "storage", "3.97", "server's", "queue", "Insula", "日本語", "événement", "limit", "limits", "copy", "copied",
    ];

    private static readonly string[] Lines =
    [
        "", "", "# Title", "## Part of it", "###### Deep", "Setext\n======", "Other\n---", "- an item of a list", "1. first", "```", "~~~sh",
        "| a | b |", "|---|---|", "| **Vault** | where keys live. |", "---", "A sentence. Another one! A third? e.g. this", "\t indented",
        "no end", "😀 emoji 😀", "line\r", "é́ combined", "\u00A0", "....", "Dr. No went home. He slept.", "word",
    ];

    /// <summary>Markdown that is mostly broken.</summary>
    public static string Markdown(int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        var lines = random.Next(60);
        for (var i = 0; i < lines; i++)
        {
            if (random.Next(4) == 0) text.Append(Sentence(random, random.Next(400)));
            else text.Append(Lines[random.Next(Lines.Length)]);
            if (random.Next(12) == 0) text.Append('x', random.Next(5000));
            text.Append(random.Next(9) == 0 ? "\r\n" : "\n");
        }

        return text.ToString();
    }

    public static LearnedSource Source(Random random, string id)
    {
        var passages = Enumerable.Range(0, random.Next(6))
            .Select(_ => new Passage(random.Next(2) == 0 ? "" : Sentence(random, 3), Sentence(random, 1 + random.Next(60))));
        return new(id, $"{id}.md", [.. passages]);
    }

    public static string Sentence(Random random, int words) =>
        string.Join(' ', Enumerable.Range(0, words).Select(_ => Words[random.Next(Words.Length)] + (random.Next(10) == 0 ? "." : "")));
}
