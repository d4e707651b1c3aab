using Insula.Agents.Knowledge;
using Insula.Knowledge.Answers;

namespace Insula.Server.Endpoints;

/// <param name="Source">Name of the source, 1 to 500 characters; learning it again replaces what it held.</param>
/// <param name="Text">Plain text or Markdown, at most 16 MB of UTF-8.</param>
/// <param name="Metadata">At most 16 pairs, kept with the source.</param>
internal sealed record LearnRequest(string Source, string Text, IReadOnlyDictionary<string, string>? Metadata = null);

/// <param name="Query">A question or words, at most 4000 characters.</param>
/// <param name="Limit">Most citations to give, 1 to 20; 5 when left out.</param>
internal sealed record QueryRequest(string Query, int? Limit = null);

/// <param name="Created">False when the same text was already learned under this name, and nothing changed.</param>
internal sealed record LearnedView(
    string Id, string Source, bool Created, int Passages, long Bytes, string MediaType, string ContentHash, IReadOnlyDictionary<string, string> Metadata, DateTimeOffset LearnedAt)
{
    public static LearnedView Of(Learned learned)
    {
        var source = learned.Source;
        return new(
            source.Id.ToString(), source.Name, learned.IsNew, source.Passages, source.Bytes, source.MediaType, source.ContentHash, source.Metadata, source.LearnedAt);
    }
}

/// <param name="ContentHash">SHA-256 of the text's bytes, in hex.</param>
internal sealed record SourceView(
    string Id, string Source, int Passages, long Bytes, string MediaType, string ContentHash, IReadOnlyDictionary<string, string> Metadata, DateTimeOffset LearnedAt)
{
    public static SourceView Of(KnowledgeSource source) =>
        new(source.Id.ToString(), source.Name, source.Passages, source.Bytes, source.MediaType, source.ContentHash, source.Metadata, source.LearnedAt);
}

internal sealed record ForgottenView(string Id, bool Deleted);

/// <param name="Answer">Quotes with the numbers of their citations, or the statement that nothing was found.</param>
/// <param name="Confidence">0 (nothing found) to 1: how much of the question stands in what is quoted.</param>
/// <param name="Citations">Best first.</param>
internal sealed record AnswerView(string Answer, double Confidence, IReadOnlyList<CitationView> Citations)
{
    public static AnswerView Of(Answer answer) => new(answer.Text, answer.Confidence, [.. answer.Citations.Select(CitationView.Of)]);
}

/// <param name="Heading">The headings above the passage; empty when none.</param>
/// <param name="Passage">The whole passage.</param>
/// <param name="Quote">The part of the passage that answers best, word for word.</param>
/// <param name="Score">BM25 score; comparable inside this answer.</param>
internal sealed record CitationView(string Source, string SourceId, string Heading, string Passage, string Quote, double Score)
{
    public static CitationView Of(Citation citation) =>
        new(citation.Source, citation.SourceId, citation.Heading, citation.Passage, citation.Quote, citation.Score);
}
