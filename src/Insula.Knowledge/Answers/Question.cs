using Insula.Knowledge.Retrieval;

namespace Insula.Knowledge.Answers;

/// <summary>
/// A question, taken apart: the terms to look for, what it is about in its own words, and whether it asks what
/// something is. Words that only form the question ("how", "tell me", "mean") are not looked for.
/// </summary>
internal sealed record Question(IReadOnlyList<string> Terms, string Topic, bool AsksDefinition)
{
    /// <summary>Terms beyond this many are not looked for: a query costs time by its terms.</summary>
    private const int TermsMax = 32;

    private const int TopicCharactersMax = 120;

    /// <summary>Never looked for.</summary>
    private static readonly HashSet<string> Scaffold =
        ["please", "define", "definition", "mean", "means", "meaning", "meant", "explain", "describe", "whats", "whos", "know", "known"];

    /// <summary>Not looked for before the first word that is.</summary>
    private static readonly HashSet<string> Opening =
        ["tell", "show", "give", "find", "list", "say", "much", "many", "long", "often", "far", "get", "got", "may", "might", "must", "shall", "want", "need", "name"];

    public static Question Read(string text)
    {
        var terms = new List<string>();
        var fallback = new List<string>();
        var (first, last) = (-1, 0);
        var asksDefinition = false;
        var words = 0;
        var before = "";
        var reader = new TermReader(text, stackalloc char[TermReader.BufferLength]);
        while (terms.Count < TermsMax && reader.Read())
        {
            var word = reader.Word.ToString();
            // "what's" is read as "what".
            var contracted = reader.Place.End - reader.Place.Start > word.Length;
            asksDefinition |= IsDefinition(word, before, words++, contracted);
            before = word;
            if (reader.IsStopWord) continue;
            var term = reader.Term.ToString();
            if (fallback.Count < TermsMax) fallback.Add(term);
            if (Scaffold.Contains(word) || (first < 0 && Opening.Contains(word))) continue;
            if (first < 0) first = reader.Place.Start;
            last = reader.Place.End;
            if (!terms.Contains(term)) terms.Add(term);
        }

        var topic = (first < 0 ? text : text[first..last]).Trim();
        return new(terms.Count > 0 ? terms : [.. fallback.Distinct()], Shorten(topic), asksDefinition);
    }

    private static bool IsDefinition(string word, string before, int place, bool contracted) => word switch
    {
        "is" or "are" or "was" or "were" => place == 1 && before is "what" or "who",
        "what" or "who" => place == 0 && contracted,
        "whats" or "whos" or "define" or "describe" or "explain" => place == 0,
        "mean" or "means" or "meaning" or "definition" => true,
        _ => false,
    };

    private static string Shorten(string topic)
    {
        topic = string.Join(' ', topic.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (topic.Length <= TopicCharactersMax) return topic;
        var end = char.IsHighSurrogate(topic[TopicCharactersMax - 1]) ? TopicCharactersMax - 1 : TopicCharactersMax;
        return topic[..end] + "…";
    }
}
