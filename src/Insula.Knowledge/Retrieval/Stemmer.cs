namespace Insula.Knowledge.Retrieval;

/// <summary>
/// Removes English inflections: steps 1a, 1b, 1c and 5 of Porter2 (M. F. Porter, "The English (Porter2) stemming
/// algorithm", snowballstem.org), that is plurals, -ed, -ing, -edly, -ingly, and the final y, e and ll. The derivational
/// steps 2 to 4 are left out on purpose: they make one term of words that differ in meaning, such as "organ" and
/// "organization".
/// </summary>
internal static class Stemmer
{
    /// <summary>Stems the small ASCII <paramref name="word"/> in place; the length of the stem. A stem is never longer than its word.</summary>
    public static int Stem(Span<char> word)
    {
        if (word.Length <= 2 || !char.IsAsciiLetterLower(word[^1])) return word.Length;
        var length = Plural(word);
        length = PastAndGerund(word, length);
        if (length > 2 && word[length - 1] == 'y' && !IsVowel(word, length - 2)) word[length - 1] = 'i';
        return FinalLetter(word, length);
    }

    private static int Plural(Span<char> word)
    {
        var n = word.Length;
        if (word.EndsWith("sses", StringComparison.Ordinal)) return n - 2;
        if (word.EndsWith("ied", StringComparison.Ordinal) || word.EndsWith("ies", StringComparison.Ordinal)) return n > 4 ? n - 2 : n - 1;
        if (word.EndsWith("us", StringComparison.Ordinal) || word.EndsWith("ss", StringComparison.Ordinal)) return n;
        return word[^1] == 's' && HasVowel(word, n - 2) ? n - 1 : n;
    }

    private static int PastAndGerund(Span<char> buffer, int length)
    {
        var word = buffer[..length];
        var ending = Ending(word);
        if (ending == 0) return length;
        if (word.EndsWith("eed", StringComparison.Ordinal) || word.EndsWith("eedly", StringComparison.Ordinal))
        {
            return length - ending >= RegionOne(word) ? length - ending + 2 : length;
        }

        var left = length - ending;
        if (!HasVowel(word, left)) return length;
        var stem = word[..left];
        if (stem.EndsWith("at", StringComparison.Ordinal) || stem.EndsWith("bl", StringComparison.Ordinal) || stem.EndsWith("iz", StringComparison.Ordinal) || IsShort(stem))
        {
            buffer[left] = 'e';
            return left + 1;
        }

        return EndsDoubled(stem) ? left - 1 : left;
    }

    private static int FinalLetter(ReadOnlySpan<char> buffer, int length)
    {
        var word = buffer[..length];
        if (length < 3 || word[^1] is not ('e' or 'l')) return length;
        var one = RegionOne(word);
        var two = one + RegionOne(word[one..]);
        if (word[^1] == 'l') return length > two && word[^2] == 'l' ? length - 1 : length;
        return length > two || (length > one && !EndsInShortSyllable(word[..^1])) ? length - 1 : length;
    }

    private static int Ending(ReadOnlySpan<char> word)
    {
        ReadOnlySpan<string> endings = ["eedly", "ingly", "edly", "eed", "ing", "ed"];
        foreach (var ending in endings)
        {
            if (word.EndsWith(ending, StringComparison.Ordinal)) return ending.Length;
        }

        return 0;
    }

    /// <summary>Where R1 begins: after the first consonant that follows a vowel.</summary>
    private static int RegionOne(ReadOnlySpan<char> word)
    {
        for (var i = 1; i < word.Length; i++)
        {
            if (!IsVowel(word, i) && IsVowel(word, i - 1)) return i + 1;
        }

        return word.Length;
    }

    /// <summary>A short word ends in a short syllable and has an empty R1: "hop", not "help".</summary>
    private static bool IsShort(ReadOnlySpan<char> stem) => RegionOne(stem) >= stem.Length && EndsInShortSyllable(stem);

    private static bool EndsInShortSyllable(ReadOnlySpan<char> stem)
    {
        var n = stem.Length;
        if (n == 2) return IsVowel(stem, 0) && !IsVowel(stem, 1);
        return n > 2 && !IsVowel(stem, n - 1) && stem[n - 1] is not ('w' or 'x' or 'y') && IsVowel(stem, n - 2) && !IsVowel(stem, n - 3);
    }

    private static bool EndsDoubled(ReadOnlySpan<char> stem) =>
        stem.Length > 2 && stem[^1] == stem[^2] && stem[^1] is 'b' or 'd' or 'f' or 'g' or 'm' or 'n' or 'p' or 'r' or 't';

    private static bool HasVowel(ReadOnlySpan<char> word, int before)
    {
        for (var i = 0; i < before; i++)
        {
            if (IsVowel(word, i)) return true;
        }

        return false;
    }

    private static bool IsVowel(ReadOnlySpan<char> word, int at) =>
        word[at] is 'a' or 'e' or 'i' or 'o' or 'u' || (word[at] == 'y' && at > 0 && word[at - 1] is not ('a' or 'e' or 'i' or 'o' or 'u'));
}
