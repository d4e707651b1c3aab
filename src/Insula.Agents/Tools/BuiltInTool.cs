using System.Text.Json;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Tools;

/// <summary>A tool that runs in the server itself. It does trusted work only: what is not ours to trust belongs in a sandbox.</summary>
public abstract class BuiltInTool
{
    public abstract string Name { get; }

    /// <summary>Told to the model.</summary>
    public abstract string Description { get; }

    /// <summary>JSON Schema of the input, told to the model.</summary>
    public abstract JsonElement InputSchema { get; }

    /// <summary>Whether a call may be made again after a crash whose outcome was lost with the worker.</summary>
    public abstract ToolRepeat Repeat { get; }

    /// <summary>Whether an agent has it only when its toolset names it; other tools are every agent's.</summary>
    public virtual bool OnlyByName => false;

    /// <summary>Runs one call. Bad input is an outcome with <see cref="ToolOutcome.IsError"/>, so that the model can mend it.</summary>
    public abstract Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct);
}

/// <summary>What a second call with the same input does.</summary>
public enum ToolRepeat
{
    /// <summary>It may have a second effect: it is never made. The outcome is <i>unknown</i>, and the log and the model are told so.</summary>
    Never,

    /// <summary>With the same <see cref="ToolCall.IdempotencyKey"/> it has no second effect.</summary>
    WithKey,

    /// <summary>It has no second effect: the tool only reads, or sets what is set.</summary>
    Always,
}

/// <summary>One call of a built-in tool.</summary>
/// <param name="IdempotencyKey">The same for every attempt of this call, and for no other call.</param>
public sealed record ToolCall(TenantScope Scope, Id<Session> Session, string IdempotencyKey, JsonElement Input)
{
    /// <summary>The event that records the call.</summary>
    public Id<SessionEvent> ToolUse { get; init; }

    /// <summary>Who began the run; null when nobody knows.</summary>
    public string? Principal { get; init; }
}

/// <summary>What a call gave, told to the model.</summary>
public sealed record ToolOutcome(string Text, bool IsError)
{
    /// <summary>
    /// Not yet: the call stays open and its run holds no worker. Who brings the outcome about wakes the session, and the tool
    /// is asked again with the same key. Only for tools that may be asked again.
    /// </summary>
    public static ToolOutcome Pending { get; } = new("", IsError: false);

    /// <summary>Nobody can tell whether the call had its effect.</summary>
    public static ToolOutcome Unknown(string text) => new(text, IsError: true) { IsUnknown = true };

    public bool IsUnknown { get; private init; }

    /// <summary>Steps that others took for the call; they count as the run's.</summary>
    public int Steps { get; init; }

    /// <summary>Micro-dollars that these cost; they count as the run's.</summary>
    public long CostMicros { get; init; }

    public static ToolOutcome Of(string text) => new(text, IsError: false);

    public static ToolOutcome Error(string text) => new(text, IsError: true);
}
