using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.Endpoints;

/// <param name="Type">Always <c>user.message</c>.</param>
/// <param name="Content">Blocks of content, as in <c>POST /v1/sessions/{id}/events</c>.</param>
internal sealed record ScheduleEvent(string Type, IReadOnlyList<ContentBlock> Content)
{
    private const string Message = "user.message";

    public static ScheduleEvent Of(UserMessage message) => new(Message, message.Content);

    public static Result<IReadOnlyList<UserMessage>> ToMessages(string? prompt, IReadOnlyList<ScheduleEvent>? events)
    {
        if (prompt is null == events is null) return Fault.Invalid("prompt", "Give either prompt, a text, or events, a list of user.message events.");
        if (prompt is not null) return Result.Of<IReadOnlyList<UserMessage>>([new UserMessage([ContentBlock.OfText(prompt)])]);

        var other = events!.ToList().FindIndex(static e => e is not { Type: Message });
        return other >= 0
            ? Fault.Invalid($"events[{other}].type", $"events[{other}].type must be {Message}: a schedule sends nothing else.")
            : Result.Of<IReadOnlyList<UserMessage>>([.. events!.Select(static e => new UserMessage(e.Content))]);
    }
}

/// <param name="Name">1 to 256 characters, for people; the title of the sessions that it makes.</param>
/// <param name="Cron">Five fields (minute hour day month weekday), or @hourly, @daily, @weekly, @monthly, @yearly.</param>
/// <param name="TimeZone">IANA name of the time zone by whose wall clock it fires; UTC when left out.</param>
/// <param name="Agent">Id of the agent; left out with a session that is there.</param>
/// <param name="Environment">Id of the environment; left out with a session that is there.</param>
/// <param name="Prompt">What to say to the agent. Either this or events.</param>
/// <param name="Events">What to send, when it is more than a text.</param>
/// <param name="Session"><c>new</c> for a session with each firing, or the id of one to send to.</param>
/// <param name="Missed">What happens to moments that nobody could fire within a minute.</param>
/// <param name="Overlap">What happens when the run of an earlier firing is still open.</param>
/// <param name="Enabled">Whether it fires; false makes it paused.</param>
/// <param name="StartsAt">The first moment that may fire.</param>
/// <param name="EndsAt">The last moment that may fire.</param>
/// <param name="Metadata">Up to 16 pairs; the sessions that it makes have them too.</param>
internal sealed record CreateScheduleRequest(
    string Name,
    string Cron,
    string TimeZone = "UTC",
    string? Agent = null,
    string? Environment = null,
    string? Prompt = null,
    IReadOnlyList<ScheduleEvent>? Events = null,
    string Session = ScheduleTarget.New,
    MissedPolicy Missed = MissedPolicy.Skip,
    OverlapPolicy Overlap = OverlapPolicy.Skip,
    bool Enabled = true,
    DateTimeOffset? StartsAt = null,
    DateTimeOffset? EndsAt = null,
    IReadOnlyDictionary<string, string>? Metadata = null)
{
    public Result<ScheduleDefinition> ToDefinition()
    {
        if (ScheduleEvent.ToMessages(Prompt, Events).Failed(out var fault, out var messages)) return fault;
        if (ScheduleTarget.Read(Agent, Environment, Session).Failed(out fault, out var target)) return fault;
        return new ScheduleDefinition(
            Name, Cron, TimeZone, target.Agent, target.Environment, target.Session, messages, Missed, Overlap, StartsAt, EndsAt, Metadata ?? new Dictionary<string, string>());
    }
}

/// <summary>What to change; what is left out stays. The session that it sends to, or that it makes new ones, stays for good.</summary>
/// <param name="Agent">Id of another agent for the sessions to come.</param>
/// <param name="Environment">Id of another environment for the sessions to come.</param>
/// <param name="Prompt">What to say to the agent from now on. Not together with events.</param>
/// <param name="Metadata">All of the metadata anew.</param>
internal sealed record UpdateScheduleRequest(
    string? Name = null,
    string? Cron = null,
    string? TimeZone = null,
    string? Agent = null,
    string? Environment = null,
    string? Prompt = null,
    IReadOnlyList<ScheduleEvent>? Events = null,
    MissedPolicy? Missed = null,
    OverlapPolicy? Overlap = null,
    IReadOnlyDictionary<string, string>? Metadata = null)
{
    /// <summary>The first moment that may fire; null for no such bound.</summary>
    public Change<DateTimeOffset?> StartsAt { get; init; }

    /// <summary>The last moment that may fire; null for no such bound.</summary>
    public Change<DateTimeOffset?> EndsAt { get; init; }

    public Result<Func<ScheduleDefinition, ScheduleDefinition>> ToChange()
    {
        IReadOnlyList<UserMessage>? messages = null;
        if ((Prompt is not null || Events is not null) && ScheduleEvent.ToMessages(Prompt, Events).Failed(out var fault, out messages)) return fault;
        if (ScheduleTarget.Read(Agent, Environment, ScheduleTarget.New).Failed(out fault, out var target)) return fault;
        return Result.Of<Func<ScheduleDefinition, ScheduleDefinition>>(current => current with
        {
            Name = Name ?? current.Name,
            Cron = Cron ?? current.Cron,
            TimeZone = TimeZone ?? current.TimeZone,
            AgentId = target.Agent ?? current.AgentId,
            EnvironmentId = target.Environment ?? current.EnvironmentId,
            Messages = messages ?? current.Messages,
            Missed = Missed ?? current.Missed,
            Overlap = Overlap ?? current.Overlap,
            StartsAt = StartsAt.Over(current.StartsAt),
            EndsAt = EndsAt.Over(current.EndsAt),
            Metadata = Metadata ?? current.Metadata,
        });
    }
}

/// <summary>Where a schedule sends, from the ids of a request.</summary>
internal sealed record ScheduleTarget(Id<Agent>? Agent, Id<AgentEnvironment>? Environment, Id<Session>? Session)
{
    public const string New = "new";

    public static Result<ScheduleTarget> Read(string? agent, string? environment, string session)
    {
        Id<Agent>? agentId = null;
        Id<AgentEnvironment>? environmentId = null;
        Id<Session>? sessionId = null;
        if (agent is not null)
        {
            if (RouteIds.Find<Agent>(agent, "agent").Failed(out var missing, out var id)) return missing;
            agentId = id;
        }

        if (environment is not null)
        {
            if (RouteIds.Find<AgentEnvironment>(environment, "environment").Failed(out var missing, out var id)) return missing;
            environmentId = id;
        }

        if (session != New)
        {
            if (RouteIds.Find<Session>(session, "session").Failed(out var missing, out var id)) return missing;
            sessionId = id;
        }

        return new ScheduleTarget(agentId, environmentId, sessionId);
    }
}
