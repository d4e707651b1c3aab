using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Agents.Serialization;
using Insula.Agents.Sessions;
using Insula.Server.ManagedAgents;
using Insula.Tenancy.Identity;
using Insula.TestKit;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>The stored form of every event, and the form that clients see.</summary>
public sealed class EventJsonTests
{
    private static readonly Id<SessionEvent> Call = Id<SessionEvent>.New();
    private static readonly JsonElement Input = JsonElement.Parse("""{ "q": "a\nb" }""");
    private static readonly ContentBlock Image = JsonSerializer.Deserialize<ContentBlock>(
        """{"type":"image","source":{"type":"url","url":"https://i.example/"}}""", AgentsJson.Options)!;

    public static TheoryData<EventBody> Bodies =>
    [
        new UserMessage([ContentBlock.OfText("line\none \"quoted\" ünïcode 🏛"), Image]),
        new UserInterrupt(),
        new UserInterrupt(Id<Run>.New(), Rollback: true),
        new UserToolConfirmation(Call, UserToolConfirmation.Allow),
        new UserToolConfirmation(Call, UserToolConfirmation.Deny, "no"),
        new UserCustomToolResult(Call),
        new UserCustomToolResult(Call, [ContentBlock.OfText("r")], IsError: true),
        new SystemMessage([ContentBlock.OfText("s")]),
        new AgentMessage([ContentBlock.OfText("a")]),
        new AgentThinking(),
        new AgentToolUse("bash", Input, AgentToolUse.Ask),
        new AgentToolUse("bash", Input, AgentToolUse.Allow, new ToolEvaluation("auto", new AutoPermission("allow"))),
        new AgentToolResult(Call, [ContentBlock.OfText("r")], IsError: false),
        new AgentToolResult(Call, [ContentBlock.OfText("r")], IsError: true, AgentToolResult.Unknown),
        new AgentToolResult(Call, [ContentBlock.OfText("r")], IsError: false, Steps: 3),
        new AgentCustomToolUse("weather", Input),
        new SessionStatusRunning(),
        new SessionStatusIdle(StopReason.EndTurn),
        new SessionStatusIdle(StopReason.RequiresAction([Call])),
        new SessionStatusRescheduled(),
        new SessionStatusTerminated(),
        new SessionRunRolledBack(Id<Run>.New()),
        new SessionUpdated { Title = new(null), Metadata = new Dictionary<string, string> { ["a"] = "b" } },
        new SessionUpdated { Budget = new(null) },
        new SessionUpdated { Agent = new(Id<Agent>.New(), 3, new AgentDefinition { Name = "n", Model = new("m") }) },
        new SessionForked(Id<Session>.New(), 3),
        new SessionDeleted(),
        new SessionError(new ErrorDetail("model_overloaded_error", "busy", RetryStatus.Retrying)),
        new SpanModelRequestStart(),
        new SpanModelRequestEnd(Call, IsError: false, new ModelUsage(1, 2, 3, 4)),
    ];

    [Fact]
    public void Every_type_of_event_is_tried_here() =>
        Assert.Empty(typeof(EventBody).Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(EventBody)) && !type.IsAbstract)
            .Except(Bodies.Select(row => row.Data.GetType())));

    [Theory]
    [MemberData(nameof(Bodies))]
    public void An_event_is_read_back_as_it_was_stored(EventBody body)
    {
        var stored = JsonSerializer.Serialize(body, AgentsJson.Options);
        var again = JsonSerializer.Serialize(JsonSerializer.Deserialize<EventBody>(stored, AgentsJson.Options), AgentsJson.Options);
        Assert.Equal(stored, again);
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void An_event_on_the_wire_is_one_line_with_id_type_and_time(EventBody body)
    {
        var e = Event(body, processedAt: null);
        var wire = EventJson.Of(e);
        Assert.DoesNotContain((byte)'\n', wire);

        var json = JsonElement.Parse(wire);
        Assert.Equal(e.Id.ToString(), json.GetProperty("id").GetString());
        Assert.Equal(EventTypes.Of(body), json.GetProperty("type").GetString());
        var isInput = body is InputBody;
        Assert.Equal(isInput ? JsonValueKind.Null : JsonValueKind.String, json.GetProperty("processed_at").ValueKind);
        Assert.Equal(json.EnumerateObject().Count(), json.EnumerateObject().Select(member => member.Name).Distinct().Count());
    }

    [Fact]
    public void Input_that_was_taken_up_says_when()
    {
        var json = JsonElement.Parse(EventJson.Of(Event(new UserInterrupt(), ManualClock.Start)));
        Assert.Equal(ManualClock.Start, json.GetProperty("processed_at").GetDateTimeOffset());
    }

    [Fact]
    public void An_update_says_only_what_changed()
    {
        var json = JsonElement.Parse(EventJson.Of(Event(new SessionUpdated { Title = new("t") }, null)));
        Assert.Equal(["id", "processed_at", "type", "title"], json.EnumerateObject().Select(member => member.Name));

        var cleared = JsonElement.Parse(EventJson.Of(Event(new SessionUpdated { Title = new Change<string>(null) }, null)));
        Assert.Equal(JsonValueKind.Null, cleared.GetProperty("title").ValueKind);
    }

    [Fact]
    public void An_update_of_the_agent_shows_the_agent_as_the_session_does()
    {
        var id = Id<Agent>.New();
        var json = JsonElement.Parse(EventJson.Of(Event(new SessionUpdated { Agent = new(id, 3, new AgentDefinition { Name = "n", Model = new("m") }) }, null)));
        var agent = json.GetProperty("agent");
        Assert.Equal(id.ToString(), agent.GetProperty("id").GetString());
        Assert.Equal("service_account", agent.GetProperty("execution_identity").GetProperty("type").GetString());
    }

    private static SessionEvent Event(EventBody body, DateTimeOffset? processedAt) =>
        new(1, Id<SessionEvent>.New(), body, ManualClock.Start, processedAt, Epoch: 0, Run: (Id<Run>?)null);
}
