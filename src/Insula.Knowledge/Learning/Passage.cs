namespace Insula.Knowledge.Learning;

/// <summary>How a text marks its structure.</summary>
public enum TextFormat
{
    /// <summary>Paragraphs between blank lines, and lists.</summary>
    Plain,

    /// <summary>Headings, lists, tables, fenced code.</summary>
    Markdown,
}

/// <summary>A stretch of a source that is found and quoted as one.</summary>
/// <param name="Heading">The headings above it, outermost first, joined by <see cref="HeadingJoin"/>; empty when none.</param>
/// <param name="Text">Exactly as it stands in the source, without white space at its ends.</param>
public sealed record Passage(string Heading, string Text)
{
    public const string HeadingJoin = " › ";
}

/// <summary>A source to learn, already split.</summary>
/// <param name="Id">Names the source to <see cref="KnowledgeBase.Forget"/>; unique in the knowledge base.</param>
/// <param name="Name">For people: a file name or a title.</param>
public sealed record LearnedSource(string Id, string Name, IReadOnlyList<Passage> Passages);
