using System.CommandLine;
using System.Text.Json;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Conversation;
using Insula.Server.Commands.Output;
using Insula.Server.Http;

namespace Insula.Server.Commands;

/// <summary><c>insula session</c>: conversations and their logs.</summary>
internal static class SessionCommands
{
    private const string Path = "v1/sessions";

    private static readonly Column[] Columns =
        [new("ID", "id"), new("AGENT", "agent.name"), new("STATUS", "status"), new("TITLE", "title"), Column.Time("CREATED", "created_at"), Column.Time("UPDATED", "updated_at")];

    private static readonly Column[] Fields =
    [
        new("id", "id"), new("status", "status"), new("title", "title"), new("agent", "agent.name"), new("agent id", "agent.id"), new("agent version", "agent.version"),
        new("model", "agent.model.id"), new("environment", "environment_id"), new("tokens in", "usage.input_tokens"), new("tokens out", "usage.output_tokens"),
        new("active seconds", "stats.active_seconds"), Column.Time("created", "created_at"), Column.Time("updated", "updated_at"), Column.Time("archived", "archived_at"),
        new("forked from", "forked_from.session_id"), new("forked at", "forked_from.at"),
        new("works for", "parent.session_id"),
    ];

    private static readonly Column[] CheckpointColumns =
        [new("AT", "seq"), new("WHAT", "kind"), new("EVENT", "event_id"), new("RUN", "run_id"), Column.Time("CREATED", "created_at")];

    private static readonly Column[] RunColumns =
        [new("ID", "id"), new("STATUS", "status"), new("STOP REASON", "stop_reason"), new("STEPS", "steps"), Column.Time("QUEUED", "created_at"), Column.Time("STARTED", "started_at"), Column.Time("ENDED", "ended_at")];

    private static readonly TimeSpan RestPause = TimeSpan.FromMilliseconds(50);

    private static readonly Argument<string> Id = new("id") { Description = "The session's id, sesn_…" };

    public static Command Build(ClientOptions client) => client.AddTo(new Command("session", "Conversations and their event logs") { List(client), Show(client), Tail(client), Checkpoints(client), Fork(client), Runs(client), Cancel(client) });

    private static Command List(ClientOptions client)
    {
        var status = new Option<string?>("--status") { Description = "Only these", HelpName = "idle|running|…" };
        var agent = new Option<string?>("--agent", "-a") { Description = "Only those of this agent, by name or id", HelpName = "agent" };
        var limit = Lists.Limit();
        return client.Acts(new Command("list", "List sessions, newest first") { status, agent, limit }, async (call, ct) =>
        {
            var agentId = call.Get(agent) is { } name ? await new SessionChoice(call.Api).AgentAsync(name, ct) : null;
            var path = Lists.Path(Path, ("agent_id", agentId), ("statuses[]", call.Get(status)));
            call.Printer.List(await Lists.ReadAsync(call, path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula session list --status running", "insula session list --agent demo -n 5");
    }

    private static Command Show(ClientOptions client) =>
        client.Acts(new Command("show", "Show a session") { Id }, async (call, ct) =>
        {
            call.Printer.One(await call.Api.GetAsync(PathOf(call), ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula session show sesn_…");

    private static Command Runs(ClientOptions client)
    {
        var limit = Lists.Limit();
        return client.Acts(new Command("runs", "List a session's runs, newest first") { Id, limit }, async (call, ct) =>
        {
            call.Printer.List(await Lists.ReadAsync(call, Lists.Path("api/v1/runs", ("session_id", call.Get(Id))), limit, ct), RunColumns);
            return ExitCode.Ok;
        }).WithExamples("insula session runs sesn_…");
    }

    private static Command Cancel(ClientOptions client) =>
        client.Acts(new Command("cancel", "End what a session does: its run and the messages that wait behind it") { Id }, async (call, ct) =>
        {
            var before = (await call.Api.GetAsync(PathOf(call), ct)).TextAt("status");
            await call.Api.PostAsync($"{PathOf(call)}/events", new { events = new[] { new { type = "user.interrupt" } } }, ct);
            var now = await UntilAtRestAsync(call, ct);
            call.Printer.One(now, Fields);
            if (before == "idle") call.Printer.Note("The session was idle: there was no run to end, unless one had just begun.");
            return ExitCode.Ok;
        }).WithExamples("insula session cancel sesn_…");

    /// <summary>An interrupt is heeded within moments; what is asked here is only whether it has been.</summary>
    private static async Task<JsonElement> UntilAtRestAsync(ClientCall call, CancellationToken ct)
    {
        while (true)
        {
            var session = await call.Api.GetAsync(PathOf(call), ct);
            if (session.TextAt("status") is not ("running" or "rescheduling")) return session;
            await Task.Delay(RestPause, call.Terminal.Time, ct);
        }
    }

    private static Command Tail(ClientOptions client)
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "Wait for more; what it does anyway" };
        var noFollow = new Option<bool>("--no-follow") { Description = "End with the newest event instead of waiting for more" };
        var after = new Option<long>("--after") { Description = "Begin after this event number", HelpName = "n" };
        var command = new Command("tail", "Print a session's log from the beginning, then what happens, until Ctrl-C; with -o json one event a line") { Id, after, follow, noFollow };
        return client.Acts(command, async (call, ct) =>
        {
            if (call.Get(noFollow) && call.Get(follow)) throw new CommandException(ExitCode.Usage, "--follow and --no-follow exclude each other.");
            if (call.Get(noFollow)) await PrintLogAsync(call, call.Get(after), ct);
            else await FollowAsync(call, call.Get(after), ct);
            return ExitCode.Ok;
        }).WithExamples("insula session tail sesn_…", "insula session tail sesn_… --no-follow -o json | jq -r .type");
    }

    private static Command Checkpoints(ClientOptions client)
    {
        var run = new Option<string?>("--run") { Description = "Only those of this run", HelpName = "id" };
        var limit = Lists.Limit();
        return client.Acts(new Command("checkpoints", "List the positions of a session's log that are worth a fork, newest first") { Id, run, limit }, async (call, ct) =>
        {
            var path = Lists.Path($"{OwnPathOf(call)}/checkpoints", ("run_id", call.Get(run)));
            call.Printer.List(await Lists.ReadAsync(call, path, limit, ct), CheckpointColumns);
            return ExitCode.Ok;
        }).WithExamples("insula session checkpoints sesn_…");
    }

    private static Command Fork(ClientOptions client)
    {
        var at = new Option<long>("--at") { Description = "The last event that the fork shares, by its number; 0 for none", HelpName = "n", Required = true };
        var prompt = new Option<string?>("--prompt") { Description = "What to say in the fork; a run starts with it", HelpName = "text" };
        var command = new Command("fork", "Make a session that goes on from an event of this one; nothing is copied and nothing is run again") { Id, at, prompt };
        return client.Acts(command, async (call, ct) =>
        {
            object[] events = call.Get(prompt) is { } text ? [new { type = "user.message", content = new[] { new { type = "text", text } } }] : [];
            var fork = await call.Api.PostAsync($"{OwnPathOf(call)}/fork", new { at = call.Get(at), events }, ct);
            call.Printer.One(fork, Fields);
            if (call.Terminal.ErrorIsTerminal) call.Printer.Note($"\nGo on with: insula run \"…\" --resume {fork.TextAt("id")}");
            return ExitCode.Ok;
        }).WithExamples("insula session fork sesn_… --at 12", "insula session fork sesn_… --at 0 --prompt \"Once more, in French.\"");
    }

    private static async Task FollowAsync(ClientCall call, long after, CancellationToken ct)
    {
        await using var stream = await SessionStream.OpenAsync(call.Api, call.Get(Id), after.ToString(), previews: false, ct);
        await foreach (var frame in stream.ReadAsync(ct)) PrintEvent(call, frame.Seq ?? "", frame.Data);
    }

    // The log is numbered from 1 without gaps, so an event's number is its place.
    private static async Task PrintLogAsync(ClientCall call, long after, CancellationToken ct)
    {
        long seq = 0;
        await foreach (var data in call.Api.ListAsync($"{PathOf(call)}/events", int.MaxValue, ct))
        {
            if (++seq > after) PrintEvent(call, seq.ToString(), data);
        }
    }

    private static void PrintEvent(ClientCall call, string seq, JsonElement data)
    {
        call.Terminal.Out.WriteLine(call.Printer.Format switch
        {
            OutputFormat.Json => JsonSerializer.Serialize(data, ApiJson.Options),
            OutputFormat.Yaml => "---\n" + YamlText.Of(data),
            _ => $"{seq,5}  {data.TextAt("type"),-26}  {EventText.Summary(data)}".TrimEnd(),
        });
        call.Terminal.Out.Flush();
    }

    private static string OwnPathOf(ClientCall call) => $"api/v1/sessions/{Uri.EscapeDataString(call.Get(Id))}";

    private static string PathOf(ClientCall call) => $"{Path}/{Uri.EscapeDataString(call.Get(Id))}";
}
