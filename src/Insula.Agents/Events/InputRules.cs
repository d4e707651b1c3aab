using System.Text.Json;
using Insula.Agents.Input;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Events;

/// <summary>
/// What input events must keep to on their own, before the session is looked at. Fields are named as the client sent them
/// (<c>events[1].content[0].text</c>).
/// </summary>
internal static class InputRules
{
    private const int EventsMax = 50;
    private const int BlocksMax = 100;
    private const int DenyMessageCharsMax = 10_000;

    private static readonly string[] UserBlocks = ["text", "image", "document"];
    private static readonly string[] ResultBlocks = ["text", "image", "document", "search_result"];

    public static Fault? Violation(IReadOnlyList<InputBody> events) => events.Count == 0
        ? Fault.Invalid("events", "events must hold at least one event.")
        : Violation("events", events);

    /// <summary>A session's first events may only be messages.</summary>
    public static Fault? InitialViolation(IReadOnlyList<InputBody> events)
    {
        var other = events.ToList().FindIndex(body => body is not UserMessage);
        return other >= 0
            ? Fault.Invalid($"initial_events[{other}].type", "initial_events may hold user.message events only; send others to the session once it exists.")
            : Violation("initial_events", events);
    }

    /// <summary>What a fork begins with: nothing waits in it for an answer, and nothing runs in it that could be interrupted.</summary>
    public static Fault? ForkViolation(IReadOnlyList<InputBody> events)
    {
        var other = events.ToList().FindIndex(body => body is not (UserMessage or SystemMessage));
        return other >= 0
            ? Fault.Invalid($"events[{other}].type", "events of a fork may be user.message and system.message only: what was under way at the fork point does not go on in the fork, so there is nothing to answer or to interrupt.")
            : Violation("events", events);
    }

    private static Fault? Violation(string field, IReadOnlyList<InputBody> events) =>
        Check.Count(field, events.Count, EventsMax)
        ?? events.Select((body, i) => EventViolation($"{field}[{i}]", body)).FirstOrDefault(fault => fault is not null);

    private static Fault? EventViolation(string field, InputBody body) => body switch
    {
        UserMessage message => ContentViolation($"{field}.content", message.Content, UserBlocks, isRequired: true),
        SystemMessage message => ContentViolation($"{field}.content", message.Content, ["text"], isRequired: true),
        UserCustomToolResult result => ContentViolation($"{field}.content", result.Content ?? [], ResultBlocks, isRequired: false),
        UserToolConfirmation confirmation => ConfirmationViolation(field, confirmation),
        _ => null,
    };

    private static Fault? ConfirmationViolation(string field, UserToolConfirmation confirmation) => confirmation switch
    {
        { Result: not (UserToolConfirmation.Allow or UserToolConfirmation.Deny) } => Fault.Invalid($"{field}.result", $"{field}.result must be allow or deny."),
        { Result: UserToolConfirmation.Allow, DenyMessage: not null } =>
            Fault.Invalid($"{field}.deny_message", $"{field}.deny_message goes only with the result deny."),
        _ => Check.Length($"{field}.deny_message", confirmation.DenyMessage, DenyMessageCharsMax),
    };

    private static Fault? ContentViolation(string field, IReadOnlyList<ContentBlock> content, string[] allowed, bool isRequired)
    {
        if (isRequired && content.Count == 0) return Fault.Invalid(field, $"{field} must hold at least one block.");
        return Check.Count(field, content.Count, BlocksMax)
            ?? content.Select((block, i) => BlockViolation($"{field}[{i}]", block, allowed)).FirstOrDefault(fault => fault is not null);
    }

    private static Fault? BlockViolation(string field, ContentBlock? block, string[] allowed)
    {
        if (block is null) return Fault.Invalid(field, $"{field} must be a content block.");
        if (!allowed.Contains(block.Type)) return Fault.Invalid($"{field}.type", $"{field}.type must be {string.Join(" or ", allowed)}.");
        return block.Type switch
        {
            "text" => string.IsNullOrEmpty(block.Text) ? Fault.Invalid($"{field}.text", $"{field}.text must not be empty.") : null,
            "image" => SourceViolation(field, block, "base64", "url"),
            "document" => SourceViolation(field, block, "base64", "text", "url"),
            _ => null,
        };
    }

    private static Fault? SourceViolation(string field, ContentBlock block, params string[] kinds)
    {
        var kind = block.Rest?.GetValueOrDefault("source") is { ValueKind: JsonValueKind.Object } source && source.TryGetProperty("type", out var type)
            && type.ValueKind == JsonValueKind.String ? type.GetString() : null;
        if (kinds.Contains(kind)) return null;

        var hint = string.Equals(kind, "file", StringComparison.Ordinal) ? " Uploaded files are not available on this installation yet." : "";
        return Fault.Invalid($"{field}.source.type", $"{field}.source.type must be {string.Join(" or ", kinds)}.{hint}");
    }
}
