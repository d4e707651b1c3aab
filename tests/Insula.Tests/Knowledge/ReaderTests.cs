using System.Text.Json;
using Insula.Agents.Models;
using Insula.Agents.Sessions;
using Insula.Agents.Tools;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;

namespace Insula.Tests.Knowledge;

/// <summary>The model <c>insula/reader</c> and the tool <c>knowledge_search</c>.</summary>
public sealed class ReaderTests
{
    private const string Text = "# Towers\n\n## North\n\nThe gate of the north tower is blue. It was painted in spring.";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_reader_answers_the_newest_question_with_quotes_and_sources()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        await school.LearnAsync(scope, "towers.md", Text);
        var (text, end) = await TurnAsync(school, scope, 8000, "What is a cat?", "Which gate is blue?");

        Assert.Equal(
            "Quoted from what I was taught:\n\nThe gate of the north tower is blue. [1]\n\nSources:\n[1] towers.md › Towers › North", text);
        Assert.Equal((ModelStop.EndTurn, 4L), (end.Stop, end.Usage.Input));
        Assert.Equal(text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length, end.Usage.Output);
    }

    [Fact]
    public async Task The_reader_says_plainly_that_it_found_nothing_and_what_it_is()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        await school.LearnAsync(scope, "towers.md", Text);
        var (text, _) = await TurnAsync(school, scope, 8000, "What is the capital of France?");

        Assert.StartsWith("I found nothing about “capital of France” in what I was taught.", text, StringComparison.Ordinal);
        Assert.Contains("no language model", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_any_knowledge_the_reader_tells_how_to_teach_it()
    {
        await using var school = await School.StartAsync();
        var (text, _) = await TurnAsync(school, await school.AddTenantAsync(), 8000, "Who are you?");

        Assert.Contains("no language model", text, StringComparison.Ordinal);
        Assert.Contains("insula knowledge learn", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_reader_stops_at_the_limit_of_its_output()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        await school.LearnAsync(scope, "towers.md", Text);
        var (_, end) = await TurnAsync(school, scope, 10, "Which gate is blue?");

        Assert.Equal(ModelStop.MaxTokens, end.Stop);
        Assert.InRange(end.Usage.Output, 0, 10);
    }

    [Fact]
    public async Task The_tool_gives_passages_with_their_sources()
    {
        await using var school = await School.StartAsync();
        var scope = await school.AddTenantAsync();
        await school.LearnAsync(scope, "towers.md", Text);
        var outcome = await CallAsync(school, scope, """{"query":"blue gate","limit":1}""");

        Assert.False(outcome.IsError);
        Assert.StartsWith("[1] towers.md › Towers › North\n", outcome.Text, StringComparison.Ordinal);
        Assert.Contains("It was painted in spring.", outcome.Text, StringComparison.Ordinal);
        Assert.Contains("found nothing", (await CallAsync(school, scope, """{"query":"capital of France"}""")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"query":7}""")]
    [InlineData("""{"query":""}""")]
    [InlineData("""{"query":"x","limit":"many"}""")]
    [InlineData("""{"query":"x","limit":1.5}""")]
    [InlineData("""{"query":"x","limit":1000}""")]
    public async Task Bad_input_to_the_tool_is_an_outcome_that_the_model_can_mend(string input)
    {
        await using var school = await School.StartAsync();

        Assert.True((await CallAsync(school, await school.AddTenantAsync(), input)).IsError);
    }

    private static Task<ToolOutcome> CallAsync(School school, TenantScope scope, string input) => school.Get<BuiltInTool>().RunAsync(
        new(scope, Id<Session>.New(), "key", JsonElement.Parse(input)), Ct);

    private static async Task<(string Text, ModelTurnEnded End)> TurnAsync(School school, TenantScope scope, int maxTokens, params string[] questions)
    {
        var messages = questions.Select(question => new ModelMessage(ModelRole.User, [new TextContent(question)])).ToList();
        var events = new List<ModelEvent>();
        await foreach (var each in school.Get<IModelProvider>().StreamAsync(new(scope, "reader", null, messages, [], maxTokens), Ct)) events.Add(each);
        return (string.Concat(events.OfType<TextDelta>().Select(delta => delta.Text)), Assert.IsType<ModelTurnEnded>(events[^1]));
    }
}
