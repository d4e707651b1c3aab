using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

public enum RunStatus
{
    /// <summary>Its input stands in the log and no worker has taken it up.</summary>
    Queued,
    Running,

    /// <summary>Needs a confirmation or a tool result; holds no worker.</summary>
    Waiting,
    Ended,

    /// <summary>Given up by the installation, with the reason in <see cref="Run.Error"/>; its session takes no more input.</summary>
    Terminated,
}

/// <summary>The work from an input to idle. A run that waits for action goes on as the same run when the action comes.</summary>
/// <param name="StopReason">The stop reason once it ended, or waits: that of <c>session.status_idle</c>, or one of the constants here.</param>
/// <param name="Steps">Model calls and tool calls so far.</param>
/// <param name="StartedAt">When a worker took it up; null while it is queued.</param>
public sealed record Run(
    Id<Run> Id,
    Id<Session> Session,
    RunStatus Status,
    string? StopReason,
    int Steps,
    DateTimeOffset QueuedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt) : IIdentified
{
    /// <summary>A person or a client ended it.</summary>
    public const string Interrupted = "interrupted";

    /// <summary>It was ended and its part of the conversation taken back.</summary>
    public const string RolledBack = "rolled_back";

    /// <summary>It was ended before it began.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>It reached one of its limits, which <see cref="Error"/> names.</summary>
    public const string LimitReached = "limit_reached";

    public static string IdPrefix => "run";

    /// <summary>What its model calls used.</summary>
    public TokenUsage Usage { get; init; }

    /// <summary>Why it ended, where that is an error.</summary>
    public ErrorDetail? Error { get; init; }

    public bool IsOver => Status is RunStatus.Ended or RunStatus.Terminated;

    /// <summary>
    /// The run that a message queues. It follows from the message's id, so whoever sees the message knows the run, and a
    /// worker needs no look at the store to begin it.
    /// </summary>
    public static Id<Run> IdOf(Id<SessionEvent> message) => new(message.Value);

    public static Run QueuedBy(Id<SessionEvent> message, Id<Session> session, DateTimeOffset at) =>
        new(IdOf(message), session, RunStatus.Queued, StopReason: null, Steps: 0, at, StartedAt: null, EndedAt: null);
}

/// <summary>One model call or one tool call with what it used; written with the step's events, shipped to the ledger once by <see cref="Id"/>.</summary>
/// <param name="Kind"><c>model</c> or <c>tool</c>.</param>
/// <param name="Name">The model or the tool.</param>
public sealed record UsageRow(
    Id<UsageRow> Id,
    Id<Session> Session,
    Id<Run> Run,
    string Kind,
    string Name,
    TokenUsage Tokens,
    DateTimeOffset At) : IIdentified
{
    public const string Model = "model";

    public const string Tool = "tool";

    public Id<Agent>? Agent { get; init; }

    /// <summary>Who began the run (<see cref="SessionEvent.Principal"/>).</summary>
    public string? Principal { get; init; }

    /// <summary>Micro-dollars; null when nobody knows the price.</summary>
    public long? CostMicros { get; init; }

    /// <summary>The version of the price that gave the cost; null for none.</summary>
    public string? PriceVersion { get; init; }

    public static string IdPrefix => "use";
}
