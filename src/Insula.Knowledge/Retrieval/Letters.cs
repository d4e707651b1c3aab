namespace Insula.Knowledge.Retrieval;

/// <summary>
/// Folds one letter: small, and without its accent. The tables are those of Unicode's canonical decomposition for the
/// Latin blocks, because the process runs without culture data and <c>string.Normalize</c> leaves text as it is then.
/// </summary>
internal static class Letters
{
    // U+00C0 to U+024F; '.' keeps the letter.
    private const string LatinExtended =
        "aaaaaa.ceeeeiiii.nooooo.ouuuuy..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y" +
        "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkk.llllll." +
        ".llnnnnnn...oooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs" +
        "................................oo.............uu..............." +
        ".............aaiioouuuuuuuuuu.aaaa....ggkkoooo..j...gg..nnaa..oo" +
        "aaaaeeeeiiiioooorrrruuuusstt..hh......aaeeooooooooyy............" +
        "................";

    // U+1E00 to U+1EFF.
    private const string LatinAdditional =
        "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm" +
        "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv" +
        "wwwwwwwwwwxxxxyyzzzzzzhtwy.s....aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee" +
        "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";

    public static char Fold(char letter)
    {
        if (char.IsAscii(letter)) return (char)(char.IsAsciiLetterUpper(letter) ? letter | 0x20 : letter);
        var folded = letter switch
        {
            >= '\u00C0' and <= '\u024F' => LatinExtended[letter - '\u00C0'],
            >= '\u1E00' and <= '\u1EFF' => LatinAdditional[letter - '\u1E00'],
            _ => '.',
        };
        return folded == '.' ? char.ToLowerInvariant(letter) : folded;
    }

    /// <summary>Whether the character stands for a word by itself, as in Chinese and Japanese.</summary>
    public static bool IsIdeograph(char c) => c is (>= '\u3040' and <= '\u30FF') or (>= '\u3400' and <= '\u4DBF') or (>= '\u4E00' and <= '\u9FFF') or (>= '\uF900' and <= '\uFAFF');
}
