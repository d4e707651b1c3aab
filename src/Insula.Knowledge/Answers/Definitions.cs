using System.Numerics;
using Insula.Knowledge.Learning;
using Insula.Knowledge.Retrieval;

namespace Insula.Knowledge.Answers;

/// <summary>Recognises text that says what something is: "X is …", "X: …", "**X** — …", or a table row whose first cell is X.</summary>
internal static class Definitions
{
    /// <summary>What is defined stands within this many characters, or the text defines nothing.</summary>
    private const int HeadCharactersMax = 100;

    /// <summary>What stands between a name and what it means, and how surely it does.</summary>
    private static readonly (string Text, double Strength)[] Joints =
    [
        (":", 1), (" — ", 1), (" – ", 1), (" - ", 1), (" = ", 1), (" means ", 1), (" refers to ", 1),
        (" is a ", 1), (" is an ", 1), (" is the ", 1), (" are the ", 1),
        (" is ", 0.7), (" are ", 0.7), (" was ", 0.7), (" were ", 0.7),
    ];

    private static readonly string[] Conditions = ["if ", "when ", "while ", "where ", "because ", "since ", "unless ", "after ", "before "];

    /// <summary>1 when the text defines exactly what the terms name, less when it does so less surely or defines something more special, 0 when it defines nothing of the kind.</summary>
    public static double Strength(ReadOnlySpan<char> text, BlockKind kind, TermWeights terms)
    {
        if (kind == BlockKind.Code || terms.Count == 0) return 0;
        var strength = 1.0;
        var head = kind == BlockKind.Table ? FirstCell(text) : BeforeJoint(text, out strength);
        if (head.IsEmpty || StartsWithCondition(head)) return 0;
        var found = BitOperations.PopCount(terms.Find(head));
        if (found < terms.Count) return 0;
        return (CountTerms(head) - found) switch
        {
            <= 0 => strength,
            1 => 0.5 * strength,
            _ => 0,
        };
    }

    private static bool StartsWithCondition(ReadOnlySpan<char> head)
    {
        foreach (var condition in Conditions)
        {
            if (head.StartsWith(condition, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    private static ReadOnlySpan<char> FirstCell(ReadOnlySpan<char> row)
    {
        var cell = row.TrimStart().TrimStart('|');
        var end = cell.IndexOf('|');
        return end < 0 ? default : cell[..end];
    }

    private static ReadOnlySpan<char> BeforeJoint(ReadOnlySpan<char> text, out double strength)
    {
        var head = text[..Math.Min(text.Length, HeadCharactersMax)];
        var first = -1;
        strength = 0;
        foreach (var (joint, sure) in Joints)
        {
            var at = head.IndexOf(joint, StringComparison.Ordinal);
            if (at <= 0 || (first >= 0 && at >= first)) continue;
            first = at;
            strength = sure;
        }

        return first < 0 ? default : head[..first];
    }

    private static int CountTerms(ReadOnlySpan<char> text)
    {
        var count = 0;
        var reader = new TermReader(text, stackalloc char[TermReader.BufferLength]);
        while (reader.Read())
        {
            if (!reader.IsStopWord) count++;
        }

        return count;
    }
}
