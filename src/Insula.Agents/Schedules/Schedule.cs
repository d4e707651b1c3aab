using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Schedules;

/// <summary>What happens to moments that came while nobody could fire them.</summary>
public enum MissedPolicy
{
    Skip,

    /// <summary>The newest of them fires.</summary>
    RunOnce,

    /// <summary>The newest ones fire, up to <see cref="FiringPlan.RunAllMax"/>.</summary>
    RunAll,
}

/// <summary>What happens when a run of an earlier firing is still open.</summary>
public enum OverlapPolicy
{
    Skip,

    /// <summary>Wait until it has ended.</summary>
    Queue,

    /// <summary>Interrupt it.</summary>
    Interrupt,
}

/// <summary>What a schedule does and when. The stored form is this record as JSON.</summary>
/// <param name="Cron">Five fields or a name such as <c>@daily</c>; see <see cref="CronTimes"/>.</param>
/// <param name="TimeZone">IANA name; the wall clock that the cron expression is read by.</param>
/// <param name="AgentId">With <paramref name="EnvironmentId"/>, when each firing makes a session of its own; else null.</param>
/// <param name="SessionId">The session that every firing is sent to; null when each makes its own.</param>
/// <param name="EndsAt">The last moment that may fire.</param>
public sealed record ScheduleDefinition(
    string Name,
    string Cron,
    string TimeZone,
    Id<Agent>? AgentId,
    Id<AgentEnvironment>? EnvironmentId,
    Id<Session>? SessionId,
    IReadOnlyList<UserMessage> Messages,
    MissedPolicy Missed,
    OverlapPolicy Overlap,
    DateTimeOffset? StartsAt,
    DateTimeOffset? EndsAt,
    IReadOnlyDictionary<string, string> Metadata);

/// <summary>Says what a firing sends and by which clock it happens, again and again.</summary>
/// <param name="PausedAt">Since when no moment is due; null while it is enabled.</param>
/// <param name="SettledUntil">Every due moment up to this one has its row in the history. Moves forward only.</param>
public sealed record Schedule(
    Id<Schedule> Id,
    ScheduleDefinition Definition,
    DateTimeOffset? PausedAt,
    DateTimeOffset SettledUntil,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt) : IIdentified
{
    public static string IdPrefix => "sched";

    /// <summary>The first moment after <paramref name="after"/> that is due; null when there is none. A pause is not looked at.</summary>
    internal DateTimeOffset? NextAfter(CronTimes times, DateTimeOffset after)
    {
        if (Definition.StartsAt is { } starts && after < starts) after = starts.AddTicks(-1);
        return times.Next(after) is { } next && next <= (Definition.EndsAt ?? DateTimeOffset.MaxValue) ? next : null;
    }

    /// <summary>When it fires next; null when it is paused or over.</summary>
    internal DateTimeOffset? NextFire(CronTimes times, DateTimeOffset now) =>
        PausedAt is null ? NextAfter(times, now > SettledUntil ? now : SettledUntil) : null;
}

/// <summary>Which schedules to list; null members do not filter.</summary>
public sealed record ScheduleFilter(bool? Enabled = null, Id<Agent>? AgentId = null);
