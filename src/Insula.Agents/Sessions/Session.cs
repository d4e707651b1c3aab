using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

public enum SessionStatus
{
    /// <summary>Waits for input; where a session starts.</summary>
    Idle,
    Running,

    /// <summary>A transient error; the run tries again by itself.</summary>
    Rescheduling,
    Terminated,
}

/// <summary>
/// A conversation with an agent. Its event log is the truth; status, usage and stats here are a projection that is
/// written in the same transaction as the events they follow from.
/// </summary>
/// <param name="Agent">Snapshot of the agent, overrides applied, at creation.</param>
/// <param name="LastSeq">Sequence number of the newest event; 0 for an empty log.</param>
/// <param name="Epoch">Fencing epoch of the worker that last claimed the session; an append under an older one is refused.</param>
/// <param name="PendingInput">Whether input stands in the log that no run has taken up.</param>
/// <param name="Budget">The Managed Agents budget object as given; null for none.</param>
public sealed record Session(
    Id<Session> Id,
    Id<Agent> AgentId,
    int AgentVersion,
    AgentDefinition Agent,
    Id<AgentEnvironment> EnvironmentId,
    string? Title,
    IReadOnlyDictionary<string, string> Metadata,
    JsonElement? Budget,
    SessionStatus Status,
    long LastSeq,
    long Epoch,
    bool PendingInput,
    TokenUsage Usage,
    double ActiveSeconds,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? ArchivedAt) : IIdentified
{
    public static string IdPrefix => "sesn";

    /// <summary>Of which session and event it was forked; null when it was not.</summary>
    public ForkPoint? ForkedFrom { get; init; }

    /// <summary>The run that has begun and not ended, waiting ones included.</summary>
    public Id<Run>? OpenRun { get; init; }

    /// <summary>The call of another session's run that it works for; null when it works for nobody.</summary>
    public ParentCall? Parent { get; init; }
}

/// <summary>A call of the tool <c>run_agent</c>, which a child session answers.</summary>
public sealed record ParentCall(Id<Session> SessionId, Id<Run> RunId, Id<SessionEvent> ToolUseId);

/// <summary>A position in a session's log: after event <paramref name="At"/>, 0 for before the first.</summary>
public sealed record ForkPoint(Id<Session> SessionId, long At);

/// <summary>Which sessions to list; null members do not filter.</summary>
public sealed record SessionFilter
{
    public Id<Agent>? AgentId { get; init; }

    public int? AgentVersion { get; init; }

    public IReadOnlyList<SessionStatus>? Statuses { get; init; }

    public bool IncludeArchived { get; init; }

    public TimeRange Created { get; init; } = TimeRange.Any;

    public bool Ascending { get; init; }
}

/// <summary>A span of time with open or closed ends, as the <c>created_at[gt|gte|lt|lte]</c> filters give it.</summary>
public sealed record TimeRange(DateTimeOffset? After, DateTimeOffset? From, DateTimeOffset? Before, DateTimeOffset? To)
{
    public static TimeRange Any { get; } = new(null, null, null, null);
}
