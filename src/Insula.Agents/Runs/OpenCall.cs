using System.Text.Json;
using Insula.Agents.Events;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>Where a tool call without a result stands.</summary>
internal enum CallStanding
{
    /// <summary>May run: its policy or a person allowed it.</summary>
    Allowed,

    /// <summary>Must not run; the model is told why.</summary>
    Denied,

    /// <summary>Waits for <c>user.tool_confirmation</c>.</summary>
    AwaitsConfirmation,

    /// <summary>A custom tool: waits for <c>user.custom_tool_result</c>.</summary>
    AwaitsClient,
}

/// <summary>A tool call in the log that has no result yet.</summary>
/// <param name="Seq">Of the call's event.</param>
/// <param name="Confirmed">Whether its standing is a person's word.</param>
internal sealed record OpenCall(Id<SessionEvent> Id, long Seq, string Name, JsonElement Input, CallStanding Standing, bool Confirmed = false, string? DenyMessage = null);
