namespace Insula.Agents.Budgets;

/// <summary>
/// How many tokens a text has at least, told while it comes: for whoever must not take an answer for longer than it is.
/// No tokenizer that providers use puts two words into one token, or more characters than these; what they do put together
/// is a word with the blanks around it, slashes with the end of the line before them, and blanks of all kinds.
/// </summary>
internal struct LeastTokens
{
    /// <summary>The longest runs of one sign that are a token by themselves have so many.</summary>
    internal const int CharactersMax = 128;

    /// <summary>Characters of the word that is not over yet.</summary>
    private int _word;

    public long Count { get; private set; }

    public void Add(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (c is ' ' or '\n' or '\r' or '\t') _word = 0;
            else if ((_word > 0 || (c != '/' && !char.IsWhiteSpace(c))) && _word++ % CharactersMax == 0) Count++;
        }
    }
}
