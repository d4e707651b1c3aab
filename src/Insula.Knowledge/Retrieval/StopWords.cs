namespace Insula.Knowledge.Retrieval;

/// <summary>English words that stand in nearly every text and tell nothing about it. They are neither indexed nor asked for.</summary>
internal static class StopWords
{
    private static readonly HashSet<string> Words =
    [
        "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been", "before",
        "being", "but", "by", "can", "cannot", "cant", "could", "did", "do", "does", "doesnt", "dont", "for", "from", "had",
        "has", "have", "he", "her", "here", "his", "how", "i", "if", "im", "in", "into", "is", "isnt", "it", "its", "just",
        "me", "my", "no", "nor", "not", "of", "off", "on", "only", "or", "our", "out", "over", "own", "she", "should", "so",
        "some", "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "through",
        "to", "too", "under", "up", "us", "very", "was", "we", "were", "what", "when", "where", "which", "while", "who",
        "whom", "whose", "why", "will", "with", "would", "you", "your",
    ];

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Lookup = Words.GetAlternateLookup<ReadOnlySpan<char>>();

    public static bool Contain(ReadOnlySpan<char> word) => word.Length <= 8 && Lookup.Contains(word);
}
