using FsCheck;
using FsCheck.Fluent;
using Insula.Knowledge.Learning;

namespace Insula.Tests.Knowledge;

public sealed class PassageSplitterTests
{
    [Fact]
    public void Every_character_but_white_space_stands_in_exactly_one_passage() =>
        Prop.ForAll<int, bool>((seed, markdown) => CoversOnce(Corpora.Markdown(seed), markdown ? TextFormat.Markdown : TextFormat.Plain)).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_string_at_all_is_covered_too() =>
        Prop.ForAll<string>(text => text is null || CoversOnce(text, TextFormat.Markdown)).QuickCheckThrowOnFailure();

    [Fact]
    public void The_same_text_gives_the_same_passages() =>
        Prop.ForAll<int>(seed => PassageSplitter.Split(Corpora.Markdown(seed), TextFormat.Markdown)
            .SequenceEqual(PassageSplitter.Split(Corpora.Markdown(seed), TextFormat.Markdown))).QuickCheckThrowOnFailure();

    [Fact]
    public void Prose_becomes_passages_of_sixty_to_two_hundred_and_twenty_words_that_end_with_a_sentence()
    {
        var sentence = "The quick brown fox jumps over the lazy dog and goes on to the river. ";
        var passages = PassageSplitter.Split(string.Concat(Enumerable.Repeat(sentence, 200)), TextFormat.Plain);

        Assert.True(passages.Count > 10);
        Assert.All(passages, passage => Assert.InRange(passage.Text.Split(' ').Length, PassageSplitter.WordsMin, PassageSplitter.WordsMax));
        Assert.All(passages, passage => Assert.EndsWith("river.", passage.Text, StringComparison.Ordinal));
    }

    [Fact]
    public void The_heading_path_follows_the_levels()
    {
        var passages = PassageSplitter.Split("# A\none\n## B\ntwo\n### C\nthree\n## D\nfour\nE\n=\nfive", TextFormat.Markdown);

        Assert.Equal(["A", "A › B", "A › B › C", "A › D"], passages.Take(4).Select(passage => passage.Heading));
    }

    [Fact]
    public void A_heading_without_text_goes_with_the_section_below_it()
    {
        var passage = Assert.Single(PassageSplitter.Split("# Guide\n\n## Install\n\nRun it.", TextFormat.Markdown));

        Assert.Equal("Guide › Install", passage.Heading);
        Assert.StartsWith("# Guide", passage.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Fenced_code_stays_whole_with_the_line_that_leads_in()
    {
        var code = "```sh\n# not a heading\n\n" + string.Concat(Enumerable.Repeat("make all the things\n", 90)) + "```";
        var text = $"Long before.\n\n{string.Concat(Enumerable.Repeat("Some words to fill a passage with. ", 40))}\n\nBuild it so:\n\n{code}\n\nAfter.";
        var passages = PassageSplitter.Split(text, TextFormat.Markdown);

        Assert.Single(passages, passage => passage.Text.Contains(code, StringComparison.Ordinal));
    }

    [Fact]
    public void A_huge_fence_a_huge_line_and_a_huge_heading_are_cut()
    {
        var fence = "```\n" + string.Concat(Enumerable.Repeat("one line of code\n", 2000)) + "```";
        var text = $"{fence}\n\n{new string('x', 100_000)}\n\n# {new string('h', 100_000)}\n\nend";
        var passages = PassageSplitter.Split(text, TextFormat.Markdown);

        Assert.All(passages, passage => Assert.InRange(passage.Text.Length, 1, 8 * (PassageSplitter.CodeWordsMax + 1)));
        Assert.All(passages, passage => Assert.InRange(passage.Heading.Length, 0, 120));
    }

    [Fact]
    public void A_surrogate_pair_is_never_cut()
    {
        var passages = PassageSplitter.Split("x" + string.Concat(Enumerable.Repeat("😀", 20_000)), TextFormat.Plain);

        Assert.True(passages.Count > 1);
        Assert.All(passages, passage => Assert.False(char.IsLowSurrogate(passage.Text[0])));
    }

    [Fact]
    public void Front_matter_makes_no_heading()
    {
        var passage = Assert.Single(PassageSplitter.Split("---\ntitle: x\n---\nText.", TextFormat.Markdown));

        Assert.Equal("", passage.Heading);
    }

    [Fact]
    public void Abbreviations_initials_and_numbers_do_not_end_a_sentence()
    {
        var cuts = new List<(int Start, int End)>();
        const string Text = "Dr. A. Smith paid 3.97 dollars, e.g. Monday. Was it much? \"Yes.\" he said! 日本。終。";
        Sentences.Cut(Text, 0, cuts);

        Assert.Equal(
            ["Dr. A. Smith paid 3.97 dollars, e.g. Monday. ", "Was it much? ", "\"Yes.\" he said! ", "日本。", "終。"],
            cuts.Select(cut => Text[cut.Start..cut.End]));
    }

    private static bool CoversOnce(string text, TextFormat format)
    {
        var covered = new int[text.Length];
        foreach (var span in PassageSplitter.Spans(text, format))
        {
            for (var i = span.Start; i < span.End; i++) covered[i]++;
        }

        return covered.Select((times, at) => times == 1 || (times == 0 && char.IsWhiteSpace(text[at]))).All(fine => fine);
    }
}
