using System.Text.Json;
using Insula.Agents.Models;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tests.Models;

/// <summary>Short ways to a model request and through its answer.</summary>
internal static class Conversations
{
    public static ModelRequest Ask(string text, string model = "scripted") => new(
        SystemTask.Run.For(Id<Tenant>.New()),
        model,
        System: null,
        [new ModelMessage(ModelRole.User, [new TextContent(text)])],
        [new ToolSpec("look_up", "Looks a word up.", Json("""{"type":"object","properties":{"word":{"type":"string"}}}"""))],
        MaxTokens: 1000);

    /// <summary>The conversation after the model called a tool and the tool answered.</summary>
    public static ModelRequest Answer(this ModelRequest request, ToolCalled call, string result, bool isError = false) => request with
    {
        Messages =
        [
            .. request.Messages,
            new ModelMessage(ModelRole.Assistant, [new ToolCallContent(call.Id, call.Name, call.Input)]),
            new ModelMessage(ModelRole.User, [new ToolResultContent(call.Id, result, isError)]),
        ],
    };

    public static JsonElement Json(string json) => JsonDocument.Parse(json).RootElement;

    public static async Task<List<ModelEvent>> PlayAsync(this IModelProvider provider, ModelRequest request, CancellationToken ct)
    {
        var events = new List<ModelEvent>();
        await foreach (var item in provider.StreamAsync(request, ct)) events.Add(item);
        return events;
    }

    public static Task<ModelException> FailAsync(this IModelProvider provider, ModelRequest request, CancellationToken ct) =>
        Assert.ThrowsAsync<ModelException>(() => provider.PlayAsync(request, ct));

    public static string Text(this IEnumerable<ModelEvent> events) => string.Concat(events.OfType<TextDelta>().Select(d => d.Text));

    public static ModelTurnEnded End(this IEnumerable<ModelEvent> events) => Assert.IsType<ModelTurnEnded>(events.Last());
}
