namespace Insula.Knowledge.Answers;

/// <summary>An answer made of quotes.</summary>
/// <param name="Text">What to show: quotes with numbers in brackets, where [1] is the first citation; or the plain statement that nothing was found.</param>
/// <param name="Confidence">
/// 0 to 1: how much of the question, its rare terms counting more, stands in what is quoted. 0 says that nothing was found.
/// It measures overlap of words, not truth.
/// </param>
/// <param name="Quoted">How many of the citations, from the first, the text quotes.</param>
/// <param name="Citations">Best first; those beyond the ones that the text quotes are further places to look.</param>
public sealed record Answer(string Text, double Confidence, int Quoted, IReadOnlyList<Citation> Citations)
{
    public const int CitationsDefault = 5;
    public const int CitationsMax = 20;
}

/// <param name="SourceId">Id of the source.</param>
/// <param name="Source">Name of the source.</param>
/// <param name="Heading">The headings above the passage; empty when none.</param>
/// <param name="Passage">The whole passage.</param>
/// <param name="Quote">The part that answers best, word for word as it stands in the passage.</param>
/// <param name="Score">BM25 score of the passage; comparable only inside one answer.</param>
public sealed record Citation(string SourceId, string Source, string Heading, string Passage, string Quote, double Score);
