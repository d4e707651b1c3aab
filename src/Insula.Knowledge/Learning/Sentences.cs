namespace Insula.Knowledge.Learning;

/// <summary>
/// Cuts running text into sentences. The cuts cover the text without gaps; white space after a sentence belongs to it.
/// An abbreviation, a single initial or a small letter after the full stop does not end a sentence.
/// </summary>
internal static class Sentences
{
    private static readonly HashSet<string> Abbreviations = new(StringComparer.OrdinalIgnoreCase)
    {
        "approx", "cf", "co", "corp", "dr", "e.g", "eq", "etc", "fig", "i.e", "inc", "jr", "ltd", "mr", "mrs", "ms",
        "no", "nr", "p", "pp", "prof", "sec", "sr", "st", "vol", "vs",
    };

    public static void Cut(ReadOnlySpan<char> text, int offset, List<(int Start, int End)> into)
    {
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (!IsStop(text[i])) continue;
            var end = i + 1;
            while (end < text.Length && (IsStop(text[end]) || IsCloser(text[end]))) end++;
            var next = end;
            while (next < text.Length && char.IsWhiteSpace(text[next])) next++;
            if (!EndsSentence(text, start, i, end, next))
            {
                i = end - 1;
                continue;
            }

            into.Add((offset + start, offset + next));
            start = next;
            i = next - 1;
        }

        if (start < text.Length) into.Add((offset + start, offset + text.Length));
    }

    private static bool EndsSentence(ReadOnlySpan<char> text, int start, int stop, int end, int next)
    {
        if (IsWideStop(text[stop])) return true;
        if (next == text.Length) return true;
        if (next == end) return false;
        if (char.IsLower(text[next])) return false;
        return text[stop] != '.' || !IsAbbreviation(text[start..stop]);
    }

    private static bool IsAbbreviation(ReadOnlySpan<char> before)
    {
        var from = before.Length;
        while (from > 0 && before.Length - from < 8 && (char.IsLetter(before[from - 1]) || before[from - 1] == '.')) from--;
        var word = before[from..];
        if (word.Length == 1 && char.IsUpper(word[0])) return true;
        return Abbreviations.GetAlternateLookup<ReadOnlySpan<char>>().Contains(word);
    }

    private static bool IsStop(char c) => c is '.' or '!' or '?' || IsWideStop(c);

    private static bool IsWideStop(char c) => c is '。' or '！' or '？';

    private static bool IsCloser(char c) => c is '"' or '\'' or ')' or ']' or '”' or '’' or '»' or '*' or '_' or '`';
}
