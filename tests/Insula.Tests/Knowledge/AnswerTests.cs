using FsCheck;
using FsCheck.Fluent;
using Insula.Knowledge;
using Insula.Knowledge.Learning;

namespace Insula.Tests.Knowledge;

public sealed class AnswerTests
{
    private const string Handbook =
        """
        # Handbook

        ## Vocabulary

        | word | meaning |
        |---|---|
        | **Tenant** | a customer. Owns everything below. |
        | **Placement** | where a tenant's **data** lives: `shared`, `schema`, `database`, or `file`. |
        | **Hosting** | where a tenant's agent work runs. |

        ## Refunds

        A customer may ask for a refund within 30 days. Refunds are paid to the card that was used.
        Is a refund paid in cash? It never is.

        ## Start

        Start the server with this command:

        ```sh
        make up
        ```

        ## Placements in practice

        A move from one placement to another copies rows. The placement of a tenant is shown by the command line.
        """;

    [Fact]
    public void A_definition_is_answered_with_the_row_that_defines()
    {
        var answer = Teach().Query("What is a placement?", 5);

        Assert.Contains("**Placement** — where a tenant's **data** lives: `shared`", answer.Text, StringComparison.Ordinal);
        Assert.Contains("[1]", answer.Text, StringComparison.Ordinal);
        Assert.StartsWith("| **Placement** |", answer.Citations[0].Quote, StringComparison.Ordinal);
        Assert.Equal(("handbook.md", "src1", "Handbook › Vocabulary"), (answer.Citations[0].Source, answer.Citations[0].SourceId, answer.Citations[0].Heading));
        Assert.InRange(answer.Confidence, 0.8, 1);
    }

    [Theory]
    [InlineData("How long can customers get a refund?", "within 30 days")]
    [InlineData("refund card", "paid to the card")]
    [InlineData("How do I start the server?", "make up")]
    [InlineData("What does hosting mean?", "agent work runs")]
    [InlineData("what's a tenant", "a customer. Owns")]
    public void A_question_is_answered_with_the_sentence_that_answers(string question, string expected)
    {
        var answer = Teach().Query(question, 5);

        Assert.Contains(expected, answer.Citations[0].Quote, StringComparison.Ordinal);
        Assert.Contains(expected, answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("What is the capital of France?", "capital of France")]
    [InlineData("How do I bake a sourdough bread?", "bake a sourdough bread")]
    [InlineData("Who won the world cup in 1998?", "won the world cup in 1998")]
    [InlineData("Tell me a joke about cats and where they live", "joke about cats and where they live")]
    public void An_off_topic_question_finds_nothing_and_says_so(string question, string topic)
    {
        var answer = Teach().Query(question, 5);

        Assert.Equal(0, answer.Confidence);
        Assert.Empty(answer.Citations);
        Assert.Equal($"I found nothing about “{topic}” in what I was taught.", answer.Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?!")]
    [InlineData("what is the of")]
    public void A_question_of_nothing_finds_nothing(string question) => Assert.Equal(0, Teach().Query(question, 5).Confidence);

    [Fact]
    public void Nothing_is_found_once_the_source_is_forgotten()
    {
        var knowledge = Teach();

        Assert.True(knowledge.Forget("src1"));
        Assert.False(knowledge.Forget("src1"));
        Assert.Equal(0, knowledge.Query("What is a placement?", 5).Confidence);
        Assert.Equal(0, knowledge.Passages);
    }

    [Fact]
    public void A_replaced_source_answers_with_its_new_text_only()
    {
        var knowledge = Teach();
        knowledge.Learn(new("src2", "handbook.md", PassageSplitter.Split("A placement is a chair.", TextFormat.Plain)), "src1");
        var answer = knowledge.Query("What is a placement?", 5);

        Assert.Equal("A placement is a chair.", Assert.Single(answer.Citations).Quote);
    }

    [Fact]
    public void Quotes_are_word_for_word_and_never_more_than_asked() =>
        Prop.ForAll<int, string>((seed, question) =>
        {
            var knowledge = new KnowledgeBase();
            knowledge.Learn(new("a", "a.md", PassageSplitter.Split(Corpora.Markdown(seed), TextFormat.Markdown)), null);
            var answer = knowledge.Query($"{question} what is a tenant vault sentence", 3);
            return answer.Citations.Count <= 3 && answer.Confidence is >= 0 and <= 1 && answer.Quoted <= answer.Citations.Count
                && answer.Citations.All(citation => citation.Quote.Length > 0 && citation.Passage.Contains(citation.Quote, StringComparison.Ordinal));
        }).QuickCheckThrowOnFailure();

    private static KnowledgeBase Teach()
    {
        var knowledge = new KnowledgeBase();
        knowledge.Learn(new("src1", "handbook.md", PassageSplitter.Split(Handbook, TextFormat.Markdown)), null);
        return knowledge;
    }
}
