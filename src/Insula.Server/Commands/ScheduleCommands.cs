using System.CommandLine;
using Insula.Server.Commands.Conversation;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary><c>insula schedule</c>: what fires by the clock.</summary>
internal static class ScheduleCommands
{
    private const string Path = "api/v1/schedules";

    private static readonly Column[] Columns =
    [
        new("ID", "id"), new("NAME", "name"), new("CRON", "cron"), new("TIME ZONE", "time_zone"), new("SESSION", "session"), new("ENABLED", "enabled"), Column.Time("NEXT", "next_fire_at"),
    ];

    private static readonly Column[] Fields =
    [
        new("id", "id"), new("name", "name"), new("cron", "cron"), new("time zone", "time_zone"), new("agent", "agent"), new("environment", "environment"), new("session", "session"),
        new("missed", "missed"), new("overlap", "overlap"), new("enabled", "enabled"), Column.Time("starts", "starts_at"), Column.Time("ends", "ends_at"), new("next", "next_fires"),
        Column.Time("paused", "paused_at"), Column.Time("created", "created_at"),
    ];

    private static readonly Column[] FiringColumns =
    [
        Column.Time("SCHEDULED", "scheduled_for"), new("MOMENTS", "moments"), new("BY", "trigger"), new("OUTCOME", "outcome"), new("SESSION", "session_id"), new("RUN", "run_id"), new("REASON", "reason"),
    ];

    private static readonly Argument<string> Id = new("id") { Description = "The schedule's id, sched_…" };

    public static Command Build(ClientOptions client) => client.AddTo(new Command("schedule", "What agents are asked by the clock")
    {
        Create(client),
        List(client),
        Show(client),
        Act(client, "pause", "Fire no more until it is resumed"),
        Act(client, "resume", "Fire again; moments of the pause are not missed"),
        Trigger(client),
        History(client),
        Delete(client),
    });

    private static Command Create(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "1 to 256 characters, for people" };
        var cron = new Argument<string>("cron") { Description = "Minute hour day month weekday, in quotes; or @hourly, @daily, @weekly, @monthly, @yearly" };
        var prompt = new Argument<string>("prompt") { Description = "What to say to the agent" };
        var zone = new Option<string>("--time-zone") { Description = "By whose wall clock", DefaultValueFactory = static _ => "UTC", HelpName = "zone" };
        var agent = new Option<string?>("--agent", "-a") { Description = "Name or id of the agent [the tenant's oldest]", HelpName = "agent" };
        var environment = new Option<string?>("--environment") { Description = "Name or id of the environment [the tenant's oldest; made when there is none]", HelpName = "environment" };
        var session = new Option<string?>("--session", "-s") { Description = "Send to this session [a new one each time]", HelpName = "id" };
        var missed = new Option<string>("--missed") { Description = "Moments that nobody could fire in time", DefaultValueFactory = static _ => "skip", HelpName = "skip|run_once|run_all" };
        var overlap = new Option<string>("--overlap") { Description = "While an earlier run is open", DefaultValueFactory = static _ => "skip", HelpName = "skip|queue|interrupt" };
        var starts = new Option<string?>("--starts") { Description = "The first moment that may fire: a time such as 2027-01-31T00:00:00Z, or from now: 12h, 30d", HelpName = "when" };
        var ends = new Option<string?>("--ends") { Description = "The last moment that may fire", HelpName = "when" };
        var paused = new Option<bool>("--paused") { Description = "Make it paused" };
        var command = new Command("create", "Create a schedule") { name, cron, prompt, zone, agent, environment, session, missed, overlap, starts, ends, paused };
        return client.Acts(command, async (call, ct) =>
        {
            var choice = new SessionChoice(call.Api);
            var own = call.Get(session) is null;
            var body = new Dictionary<string, object?>
            {
                ["name"] = call.Get(name),
                ["cron"] = call.Get(cron),
                ["time_zone"] = call.Get(zone),
                ["prompt"] = call.Get(prompt),
                ["agent"] = own ? await choice.AgentAsync(call.Get(agent), ct) : call.Get(agent),
                ["environment"] = own ? await choice.EnvironmentAsync(call.Get(environment), ct) : call.Get(environment),
                ["session"] = call.Get(session) ?? "new",
                ["missed"] = call.Get(missed),
                ["overlap"] = call.Get(overlap),
                ["starts_at"] = Durations.Moment("--starts", call.Get(starts), call.Terminal.Time),
                ["ends_at"] = Durations.Moment("--ends", call.Get(ends), call.Terminal.Time),
                ["enabled"] = !call.Get(paused),
            };
            call.Printer.One(await call.Api.PostAsync(Path, body, ct), Fields);
            return ExitCode.Ok;
        }).WithExamples(
            "insula schedule create digest \"30 7 * * mon-fri\" \"Summarise yesterday's tickets\" --time-zone Europe/Zurich",
            "insula schedule create check @hourly \"Anything new?\" --session sesn_… --overlap queue");
    }

    private static Command List(ClientOptions client)
    {
        var limit = Lists.Limit();
        return client.Acts(new Command("list", "List schedules, newest first") { limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, Path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula schedule list");
    }

    private static Command Show(ClientOptions client)
    {
        var preview = new Option<int>("--preview") { Description = "How many of its next firings", DefaultValueFactory = static _ => 3, HelpName = "n" };
        return client.Acts(new Command("show", "Show a schedule with its next firings") { Id, preview }, async (call, ct) =>
        {
            call.Printer.One(await call.Api.GetAsync($"{PathOf(call)}?preview={call.Get(preview)}", ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula schedule show sched_… --preview 10");
    }

    private static Command Act(ClientOptions client, string verb, string description) => client.Acts(new Command(verb, description) { Id }, async (call, ct) =>
    {
        call.Printer.One(await call.Api.PostAsync($"{PathOf(call)}/{verb}", body: null, ct), Fields);
        return ExitCode.Ok;
    }).WithExamples($"insula schedule {verb} sched_…");

    private static Command Trigger(ClientOptions client) => client.Acts(new Command("trigger", "Fire a schedule once now") { Id }, async (call, ct) =>
    {
        var firing = await call.Api.PostAsync($"{PathOf(call)}/trigger", body: null, ct);
        call.Printer.One(firing, new("id", "id"), Column.Time("scheduled", "scheduled_for"), new("outcome", "outcome"));
        call.Printer.Note($"Look with: insula schedule history {call.Get(Id)}");
        return ExitCode.Ok;
    }).WithExamples("insula schedule trigger sched_…");

    private static Command History(ClientOptions client)
    {
        var outcome = new Option<string?>("--outcome") { Description = "Only these", HelpName = "fired|failed|…" };
        var limit = Lists.Limit();
        return client.Acts(new Command("history", "List what became of a schedule's moments, newest first") { Id, outcome, limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, Lists.Path($"{PathOf(call)}/history", ("outcome", call.Get(outcome))), limit, ct), FiringColumns);
            return ExitCode.Ok;
        }).WithExamples("insula schedule history sched_… --outcome failed");
    }

    private static Command Delete(ClientOptions client) => client.Acts(new Command("delete", "Delete a schedule with its history; what it started goes on") { Id }, async (call, ct) =>
    {
        call.Printer.One(await call.Api.DeleteAsync(PathOf(call), ct), new("id", "id"), new("deleted", "deleted"));
        return ExitCode.Ok;
    }).WithExamples("insula schedule delete sched_…");

    private static string PathOf(ClientCall call) => $"{Path}/{Uri.EscapeDataString(call.Get(Id))}";
}
