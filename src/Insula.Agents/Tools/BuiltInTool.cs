using System.Text.Json;
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

    /// <summary>
    /// Whether a call may be made again after a crash without a second effect. A call of a tool that is not idempotent and
    /// whose outcome was lost is never repeated: its outcome is <i>unknown</i> and the model is told so.
    /// </summary>
    public abstract bool Idempotent { get; }

    /// <summary>Runs one call. Bad input is an outcome with <see cref="ToolOutcome.IsError"/>, so that the model can mend it.</summary>
    public abstract Task<ToolOutcome> RunAsync(ToolCall call, CancellationToken ct);
}

/// <summary>One call of a built-in tool.</summary>
/// <param name="IdempotencyKey">The same for every attempt of this call, and for no other call.</param>
public sealed record ToolCall(TenantScope Scope, Id<Session> Session, string IdempotencyKey, JsonElement Input);

/// <summary>What a call gave, told to the model.</summary>
public sealed record ToolOutcome(string Text, bool IsError)
{
    public static ToolOutcome Of(string text) => new(text, IsError: false);

    public static ToolOutcome Error(string text) => new(text, IsError: true);
}
