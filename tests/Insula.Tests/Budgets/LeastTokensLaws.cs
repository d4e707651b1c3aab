using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Budgets;

namespace Insula.Tests.Budgets;

/// <summary>However a text was put together from tokens, it is not taken for more tokens than that.</summary>
public sealed class LeastTokensLaws
{
    [Fact]
    public void A_text_has_no_fewer_tokens_than_are_counted_in_whatever_pieces_it_comes() =>
        Prop.ForAll(GeneratedTokens.Lists(100).ToArbitrary(), Gen.Choose(1, 300).NonEmptyListOf().ToArbitrary(), static (tokens, sizes) =>
        {
            var (whole, inPieces) = (default(LeastTokens), default(LeastTokens));
            var text = string.Concat(tokens);
            whole.Add(text);
            foreach (var piece in GeneratedTokens.Pieces(text, sizes)) inPieces.Add(piece);
            return whole.Count <= tokens.Count && inPieces.Count == whole.Count;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    [Theory]
    [InlineData("", 0)]
    [InlineData(" \n\t", 0)]
    [InlineData("\u00a0 \u00a0 \u3000", 0)]
    [InlineData("one", 1)]
    [InlineData("It is one of ours.", 5)]
    [InlineData("}\n// so", 2)]
    public void Words_are_counted(string text, int tokens)
    {
        var least = default(LeastTokens);
        least.Add(text);
        Assert.Equal(tokens, least.Count);
    }

    [Fact]
    public void A_text_without_blanks_counts_by_its_length()
    {
        var least = default(LeastTokens);
        least.Add(new string('字', LeastTokens.CharactersMax * 3 + 1));
        Assert.Equal(4, least.Count);
    }
}
