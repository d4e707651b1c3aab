using Insula.Agents.Events;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Plans;

namespace Insula.Agents.Schedules;

internal static class ScheduleRules
{
    /// <summary>Firings that are compared with the plan's shortest interval: more than a year of the uneven ones.</summary>
    private const int FiringsCompared = 500;

    public static Fault NotFound => Fault.NotFound("schedule");

    /// <summary>What a definition must keep to; with the times of its cron when it does.</summary>
    public static Result<CronTimes> Check(ScheduleDefinition definition, Limits limits, DateTimeOffset now)
    {
        if (Violation(definition) is { } violation) return violation;
        if (CronTimes.Read(definition.Cron, definition.TimeZone).Failed(out var unread, out var times)) return unread;

        var least = TimeSpan.FromSeconds(limits.ScheduleIntervalSeconds);
        var gap = times.ShortestGap(now, FiringsCompared);
        if (gap < least)
        {
            return Fault.Invalid(
                "cron",
                $"cron fires {gap.TotalSeconds:0} seconds apart; the limit schedule_interval_seconds of this tenant's plan is {least.TotalSeconds:0}. Fire less often, or ask the operator to change the limit.",
                "schedule_too_often");
        }

        return times;
    }

    private static Fault? Violation(ScheduleDefinition definition)
    {
        var rules = Input.Check.Name("name", definition.Name) ?? Input.Check.Metadata(definition.Metadata) ?? InputRules.Violation(definition.Messages);
        if (rules is not null) return rules;
        if (definition.SessionId is null && definition.AgentId is null) return Fault.Invalid("agent", "agent must name the agent of the sessions that the schedule makes; or give session the id of one that is there.");
        if (definition.SessionId is null && definition.EnvironmentId is null) return Fault.Invalid("environment", "environment must name the environment of the sessions that the schedule makes.");
        if (definition.SessionId is not null && (definition.AgentId is not null || definition.EnvironmentId is not null))
        {
            return Fault.Invalid("session", "A session keeps its agent and environment: leave both out, or let session be new.");
        }

        return definition.EndsAt < definition.StartsAt ? Fault.Invalid("ends_at", "ends_at must not be before starts_at.") : null;
    }
}
