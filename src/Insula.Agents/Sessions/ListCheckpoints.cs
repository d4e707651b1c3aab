using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Sessions;

public enum CheckpointKind
{
    /// <summary>Before a message of a person: where to send another one instead.</summary>
    BeforeMessage,

    /// <summary>The model answered; the calls it made are not run yet.</summary>
    ModelAnswer,

    /// <summary>A call has its result.</summary>
    ToolResult,

    /// <summary>A run ended.</summary>
    RunEnd,
}

/// <summary>A position in a session's log worth returning to. Nothing is stored for it: every position can be forked at.</summary>
/// <param name="Seq">What a fork takes as <c>at</c>.</param>
/// <param name="EventId">The event that makes it one: the last before the position, or the message behind it.</param>
public sealed record Checkpoint(long Seq, Id<SessionEvent> EventId, CheckpointKind Kind, Id<Run>? RunId, DateTimeOffset CreatedAt);

/// <summary>Lists a session's checkpoints. A page may hold fewer than asked for and still have a next one.</summary>
public sealed class ListCheckpoints(ListEvents events)
{
    private static readonly string[] Types =
        ["user.message", "span.model_request_end", "agent.tool_result", "user.custom_tool_result", "session.status_idle", "session.status_terminated"];

    /// <param name="run">Only those of this run; null for all.</param>
    public async Task<Result<Page<Checkpoint>>> ListAsync(TenantScope scope, Id<Session> session, Id<Run>? run, bool ascending, PageRequest page, CancellationToken ct)
    {
        var filter = new EventFilter(Types, TimeRange.Any, ascending) { Run = run };
        var listed = await events.ListAsync(scope, session, filter, page, ct);
        return listed.Failed(out var fault, out var found)
            ? fault
            : new Page<Checkpoint>([.. found.Items.Select(Of).OfType<Checkpoint>()], found.Next);
    }

    private static Checkpoint? Of(SessionEvent e) => e.Body switch
    {
        UserMessage => new Checkpoint(e.Seq - 1, e.Id, CheckpointKind.BeforeMessage, e.Run, e.CreatedAt),
        SpanModelRequestEnd { IsError: false } => At(e, CheckpointKind.ModelAnswer),
        AgentToolResult or UserCustomToolResult => At(e, CheckpointKind.ToolResult),
        SessionStatusIdle { StopReason.Type: not StopReason.RequiresActionType } or SessionStatusTerminated => At(e, CheckpointKind.RunEnd),
        _ => null,
    };

    private static Checkpoint At(SessionEvent e, CheckpointKind kind) => new(e.Seq, e.Id, kind, e.Run, e.CreatedAt);
}
