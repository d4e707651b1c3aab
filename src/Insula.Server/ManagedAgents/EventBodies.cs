using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

/// <param name="InputPolicy">What becomes of messages while a run is queued or open; the agent's own policy when left out.</param>
internal sealed record SendEventsBody(IReadOnlyList<InputEventBody> Events, InputPolicy? InputPolicy = null);

/// <summary>The events that clients may send. Two are known and not taken, so that the refusal can say why.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(UserMessageBody), "user.message")]
[JsonDerivedType(typeof(UserInterruptBody), "user.interrupt")]
[JsonDerivedType(typeof(UserToolConfirmationBody), "user.tool_confirmation")]
[JsonDerivedType(typeof(UserCustomToolResultBody), "user.custom_tool_result")]
[JsonDerivedType(typeof(SystemMessageBody), "system.message")]
[JsonDerivedType(typeof(UserDefineOutcomeBody), "user.define_outcome")]
[JsonDerivedType(typeof(UserToolResultBody), "user.tool_result")]
internal abstract record InputEventBody
{
    protected abstract Result<InputBody> ToInput(string field);

    public static Result<IReadOnlyList<InputBody>> ToInput(string field, IReadOnlyList<InputEventBody> events)
    {
        if (NullEntries.In(field, events) is { } missing) return missing;

        var input = new List<InputBody>(events.Count);
        for (var i = 0; i < events.Count; i++)
        {
            if (events[i].ToInput($"{field}[{i}]").Failed(out var fault, out var body)) return fault;
            input.Add(body);
        }

        return input;
    }
}

internal sealed record UserMessageBody(IReadOnlyList<ContentBlock> Content) : InputEventBody
{
    protected override Result<InputBody> ToInput(string field) => new UserMessage(Content);
}

internal sealed record UserInterruptBody(string? SessionThreadId = null) : InputEventBody
{
    protected override Result<InputBody> ToInput(string field) => SessionThreadId is null
        ? new UserInterrupt()
        : Fault.Invalid($"{field}.session_thread_id", "A session has one thread on this installation: leave session_thread_id out to interrupt it.", "not_available");
}

internal sealed record UserToolConfirmationBody(Id<SessionEvent> ToolUseId, string Result, string? DenyMessage = null) : InputEventBody
{
    protected override Result<InputBody> ToInput(string field) => new UserToolConfirmation(ToolUseId, Result, DenyMessage);
}

internal sealed record UserCustomToolResultBody(
    Id<SessionEvent> CustomToolUseId, IReadOnlyList<ContentBlock>? Content = null, bool? IsError = null) : InputEventBody
{
    protected override Result<InputBody> ToInput(string field) => new UserCustomToolResult(CustomToolUseId, Content, IsError);
}

internal sealed record SystemMessageBody(IReadOnlyList<ContentBlock> Content) : InputEventBody
{
    protected override Result<InputBody> ToInput(string field) => new SystemMessage(Content);
}

internal sealed record UserDefineOutcomeBody : InputEventBody
{
    protected override Result<InputBody> ToInput(string field) => Fault.Invalid(
        $"{field}.type", "user.define_outcome is not available on this installation yet: nothing here grades outcomes.", "not_available");
}

internal sealed record UserToolResultBody : InputEventBody
{
    protected override Result<InputBody> ToInput(string field) => Fault.Invalid(
        $"{field}.type", "user.tool_result is for workers of self-hosted environments, which are not available on this installation yet. Answer a custom tool with user.custom_tool_result.", "not_available");
}

/// <summary>A logged event as clients see it.</summary>
[JsonConverter(typeof(EventViewConverter))]
internal readonly record struct EventView(SessionEvent Event);

internal sealed class EventViewConverter : JsonConverter<EventView>
{
    public override EventView Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Events are only written.");

    public override void Write(Utf8JsonWriter writer, EventView value, JsonSerializerOptions options) =>
        writer.WriteRawValue(EventJson.Of(value.Event), skipInputValidation: true);
}

internal sealed record EventPageView(IReadOnlyList<EventView> Data, string? NextPage);

internal sealed record SentEventsView(IReadOnlyList<EventView> Data);
