namespace Insula.Knowledge.Learning;

internal enum BlockKind
{
    Paragraph,
    Heading,
    ListItem,
    Table,
    Code,
}

/// <summary>A block of text, from <paramref name="Start"/> up to <paramref name="End"/>, blank lines excluded.</summary>
/// <param name="Level">1 to 6 for a heading, 0 otherwise.</param>
internal readonly record struct Block(BlockKind Kind, int Start, int End, int Level);
