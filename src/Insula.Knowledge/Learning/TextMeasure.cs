namespace Insula.Knowledge.Learning;

/// <summary>
/// The size of text as a reader feels it: its words, but at least one for every eight characters, so that a script
/// without spaces or a line of base64 counts too.
/// </summary>
internal static class TextMeasure
{
    public const int CharactersPerWord = 8;

    public static int Weigh(ReadOnlySpan<char> text)
    {
        var words = 0;
        var inside = false;
        foreach (var c in text)
        {
            var letter = char.IsLetterOrDigit(c);
            if (letter && !inside) words++;
            inside = letter;
        }

        return Math.Max(words, text.Length / CharactersPerWord);
    }

    /// <summary>How many characters from the start weigh at most <paramref name="weight"/>, cut at white space where there is some, never inside a surrogate pair; at least 1 for a weight of 1 or more.</summary>
    public static int Cut(ReadOnlySpan<char> text, int weight)
    {
        var words = 0;
        var inside = false;
        var end = 0;
        var lastSpace = 0;
        for (; end < text.Length && end < (weight + 1) * CharactersPerWord - 1; end++)
        {
            var letter = char.IsLetterOrDigit(text[end]);
            if (letter && !inside && ++words > weight) break;
            inside = letter;
            if (char.IsWhiteSpace(text[end])) lastSpace = end;
        }

        if (end == text.Length) return end;
        if (lastSpace > 0) return lastSpace;
        return end > 1 && char.IsLowSurrogate(text[end]) && char.IsHighSurrogate(text[end - 1]) ? end - 1 : end;
    }
}
