using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Runs;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;

namespace Insula.Server.Endpoints;

/// <summary>A schedule as the API shows it.</summary>
/// <param name="Session"><c>new</c>, or the id of the session that every firing is sent to.</param>
/// <param name="NextFireAt">Null while it is paused, and when it is over.</param>
/// <param name="NextFires">The next firings, as many as <c>preview</c> asks for.</param>
internal sealed record ScheduleView(
    Id<Schedule> Id,
    string Name,
    string Cron,
    string TimeZone,
    Id<Agent>? Agent,
    Id<AgentEnvironment>? Environment,
    string Session,
    IReadOnlyList<ScheduleEvent> Events,
    MissedPolicy Missed,
    OverlapPolicy Overlap,
    bool Enabled,
    DateTimeOffset? StartsAt,
    DateTimeOffset? EndsAt,
    DateTimeOffset? NextFireAt,
    IReadOnlyList<DateTimeOffset> NextFires,
    IReadOnlyDictionary<string, string> Metadata,
    DateTimeOffset? PausedAt,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static ScheduleView Of(Schedule schedule, ShowSchedules show, int preview)
    {
        var next = show.Preview(schedule, Math.Max(1, preview));
        var definition = schedule.Definition;
        return new(
            schedule.Id,
            definition.Name,
            definition.Cron,
            definition.TimeZone,
            definition.AgentId,
            definition.EnvironmentId,
            definition.SessionId?.ToString() ?? ScheduleTarget.New,
            [.. definition.Messages.Select(ScheduleEvent.Of)],
            definition.Missed,
            definition.Overlap,
            schedule.PausedAt is null,
            definition.StartsAt,
            definition.EndsAt,
            next.Count > 0 ? next[0] : null,
            preview > 0 ? next : [],
            definition.Metadata,
            schedule.PausedAt,
            schedule.CreatedAt,
            schedule.UpdatedAt);
    }
}

internal sealed record DeletedScheduleView(Id<Schedule> Id, bool Deleted);

/// <summary>What became of a moment.</summary>
/// <param name="ScheduledFor">The moment; of several that were missed together the newest.</param>
/// <param name="Since">Of several moments the oldest.</param>
/// <param name="Moments">How many moments this stands for.</param>
/// <param name="Trigger"><c>schedule</c>, or <c>manual</c> when somebody asked for it.</param>
/// <param name="Reason">Why it was skipped or failed.</param>
/// <param name="SettledAt">When it fired, was skipped or failed.</param>
/// <param name="RunId">The run that took it up; null until one has.</param>
internal sealed record FiringView(
    Id<Firing> Id,
    DateTimeOffset ScheduledFor,
    DateTimeOffset Since,
    long Moments,
    string Trigger,
    FiringOutcome Outcome,
    string? Reason,
    DateTimeOffset? SettledAt,
    Id<Session>? SessionId,
    Id<Run>? RunId)
{
    private static readonly Dictionary<string, FiringOutcome> Outcomes =
        Enum.GetValues<FiringOutcome>().ToDictionary(static outcome => JsonNamingPolicy.SnakeCaseLower.ConvertName(outcome.ToString()), StringComparer.Ordinal);

    public static FiringView Of(Firing firing) => new(
        firing.Id,
        firing.ScheduledFor,
        firing.Since,
        firing.Moments,
        firing.IsManual ? "manual" : "schedule",
        firing.Outcome,
        firing.Reason,
        firing.SettledAt,
        firing.Outcome == FiringOutcome.Fired ? firing.Session : null,
        firing.Run);

    public static FiringOutcome? OutcomeOf(string name) => Outcomes.TryGetValue(name, out var outcome) ? outcome : null;
}
