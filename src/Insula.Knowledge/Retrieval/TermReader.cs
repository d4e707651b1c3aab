using System.Globalization;

namespace Insula.Knowledge.Retrieval;

/// <summary>
/// Reads the terms of a text, one after the other, without allocating: runs of Unicode letters and digits, folded to
/// small letters without accents, English inflections removed (<see cref="Stemmer"/>). Apostrophes inside a word and
/// full stops between digits belong to it; an ideograph is a term by itself. Terms are cut at 64 characters.
/// The index and the question read with the same eyes: a change here changes what is found.
/// </summary>
internal ref struct TermReader(ReadOnlySpan<char> text, Span<char> buffer)
{
    public const int TermCharactersMax = 64;

    /// <summary>Characters of the buffer that a reader works in: a word, and its term behind it.</summary>
    public const int BufferLength = 2 * TermCharactersMax;

    private readonly ReadOnlySpan<char> _text = text;
    private readonly Span<char> _buffer = buffer;
    private int _at;

    /// <summary>The term just read; overwritten by the next read.</summary>
    public ReadOnlySpan<char> Term { get; private set; }

    /// <summary>The word before its ending was removed.</summary>
    public ReadOnlySpan<char> Word { get; private set; }

    /// <summary>Where the word begins in the text, and where it ends.</summary>
    public (int Start, int End) Place { get; private set; }

    public readonly bool IsStopWord => StopWords.Contain(Word);

    public bool Read()
    {
        while (_at < _text.Length && !Belongs(_at)) _at++;
        if (_at >= _text.Length) return false;
        var start = _at;
        var length = 0;
        var ascii = true;
        while (_at < _text.Length)
        {
            var c = _text[_at];
            if (char.IsAsciiLetterOrDigit(c))
            {
                if (length < TermCharactersMax) _buffer[length++] = (char)(char.IsAsciiLetterUpper(c) ? c | 0x20 : c);
                _at++;
            }
            else if (Belongs(_at))
            {
                if (Letters.IsIdeograph(c) && _at > start) break;
                if (length < TermCharactersMax && char.GetUnicodeCategory(c) is not UnicodeCategory.NonSpacingMark)
                {
                    _buffer[length++] = Letters.Fold(c);
                    ascii &= char.IsAscii(_buffer[length - 1]);
                }

                _at++;
                if (Letters.IsIdeograph(c)) break;
            }
            else if (c is '\'' or '’' && IsBetween(char.IsLetter))
            {
                if (length < TermCharactersMax) _buffer[length++] = '\'';
                _at++;
            }
            else if (c == '.' && IsBetween(char.IsAsciiDigit))
            {
                if (length < TermCharactersMax) _buffer[length++] = '.';
                _at++;
            }
            else
            {
                break;
            }
        }

        Place = (start, _at);
        Finish(length, ascii);
        return true;
    }

    private void Finish(int length, bool ascii)
    {
        var word = _buffer[..length];
        if (word.EndsWith("'s", StringComparison.Ordinal)) word = word[..^2];
        if (word.Contains('\'')) word = word[..Squeeze(word)];
        Word = word;
        // The stem is made on a copy behind the word, so that both can be read.
        var stem = _buffer.Slice(TermCharactersMax, word.Length);
        word.CopyTo(stem);
        Term = ascii ? stem[..Stemmer.Stem(stem)] : stem;
    }

    private static int Squeeze(Span<char> word)
    {
        var kept = 0;
        foreach (var c in word)
        {
            if (c != '\'') word[kept++] = c;
        }

        return kept;
    }

    private readonly bool IsBetween(Func<char, bool> kind) =>
        _at > 0 && _at + 1 < _text.Length && kind(_text[_at - 1]) && kind(_text[_at + 1]);

    private readonly bool Belongs(int at)
    {
        var c = _text[at];
        if (char.IsAsciiLetterOrDigit(c)) return true;
        if (char.IsAscii(c)) return false;
        if (char.IsLetterOrDigit(c)) return true;
        if (char.IsSurrogate(c)) return IsLetterPair(at);
        return char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark && at > 0 && char.IsLetter(_text[at - 1]);
    }

    private readonly bool IsLetterPair(int at)
    {
        var high = char.IsHighSurrogate(_text[at]) ? at : at - 1;
        return high >= 0 && high + 1 < _text.Length && char.IsSurrogatePair(_text[high], _text[high + 1])
            && char.GetUnicodeCategory(char.ConvertFromUtf32(char.ConvertToUtf32(_text[high], _text[high + 1])), 0) <= UnicodeCategory.OtherLetter;
    }
}
