using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

public enum RunStatus
{
    Running,

    /// <summary>Needs a confirmation or a tool result; holds no worker.</summary>
    Waiting,
    Ended,
}

/// <summary>The work from an input to idle. A run that waits for action goes on as the same run when the action comes.</summary>
/// <param name="StopReason">The type of the stop reason once it ended, or waits.</param>
/// <param name="Steps">Model calls and tool calls so far.</param>
public sealed record Run(
    Id<Run> Id,
    Id<Session> Session,
    RunStatus Status,
    string? StopReason,
    int Steps,
    DateTimeOffset StartedAt,
    DateTimeOffset? EndedAt) : IIdentified
{
    public static string IdPrefix => "run";
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
    Models.TokenUsage Tokens,
    DateTimeOffset At) : IIdentified
{
    public const string Model = "model";

    public const string Tool = "tool";

    public static string IdPrefix => "use";
}
