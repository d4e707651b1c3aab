using Insula.Agents.Models;
using Insula.TestKit.Upstream;

namespace Insula.Tests.Models;

/// <summary>What every provider does whose turns a test can decide: tool calls, tokens, failures.</summary>
public abstract class DirectedModelContract : ModelProviderContract
{
    /// <summary>Makes these the next turns of the conversation that begins with the returned request.</summary>
    protected abstract ModelRequest Plan(params UpstreamReply[] turns);

    [Fact]
    public async Task Text_arrives_in_the_order_in_which_it_was_said()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says("Salvete, ", "omnes 🏛 ", "cives")), Ct);
        Assert.Equal("Salvete, omnes 🏛 cives", events.Text().Replace("\n", "", StringComparison.Ordinal));
        Assert.True(events.OfType<TextDelta>().Count() > 1, "it came at once");
    }

    [Fact]
    public async Task A_tool_call_arrives_whole_and_its_result_leads_to_the_next_turn()
    {
        var request = Plan(UpstreamReply.Calls("look_up", """{"word":"insula","deep":{"n":[1,2]}}"""), UpstreamReply.Says("a house of many"));

        var first = await Provider.PlayAsync(request, Ct);
        var call = Assert.Single(first.OfType<ToolCalled>());
        Assert.Equal("look_up", call.Name);
        Assert.NotEmpty(call.Id);
        Assert.Equal("""{"word":"insula","deep":{"n":[1,2]}}""", call.Input.GetRawText());
        Assert.Equal(ModelStop.ToolUse, first.End().Stop);

        var second = await Provider.PlayAsync(request.Answer(call, "house"), Ct);
        Assert.Equal("a house of many", second.Text());
        Assert.Equal(ModelStop.EndTurn, second.End().Stop);
    }

    [Fact]
    public async Task A_tool_call_without_arguments_has_an_empty_object()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Calls("look_up", "{}")), Ct);
        Assert.Equal("{}", Assert.Single(events.OfType<ToolCalled>()).Input.GetRawText());
    }

    [Fact]
    public async Task Usage_is_what_the_model_reported()
    {
        var events = await Provider.PlayAsync(Plan(UpstreamReply.Says("x") with { InputTokens = 1234, OutputTokens = 56 }), Ct);
        Assert.Equal(new TokenUsage(1234, 56, 0, 0), events.End().Usage);
    }

    [Theory]
    [InlineData(429, ModelFailure.RateLimited, true)]
    [InlineData(500, ModelFailure.Overloaded, true)]
    [InlineData(502, ModelFailure.Overloaded, true)]
    [InlineData(503, ModelFailure.Overloaded, true)]
    [InlineData(529, ModelFailure.Overloaded, true)]
    [InlineData(408, ModelFailure.Overloaded, true)]
    [InlineData(400, ModelFailure.Refused, false)]
    [InlineData(401, ModelFailure.Refused, false)]
    [InlineData(402, ModelFailure.Refused, false)]
    [InlineData(403, ModelFailure.Refused, false)]
    [InlineData(404, ModelFailure.Refused, false)]
    [InlineData(413, ModelFailure.Refused, false)]
    public async Task An_error_status_says_what_failed_and_whether_to_try_again(int status, ModelFailure failure, bool retryable)
    {
        var error = await Provider.FailAsync(Plan(UpstreamReply.Fails(status)), Ct);
        Assert.Equal((failure, retryable), (error.Failure, error.Retryable));
        Assert.StartsWith($"{Provider.Name} answered {status}: ", error.Message, StringComparison.Ordinal);
    }
}
