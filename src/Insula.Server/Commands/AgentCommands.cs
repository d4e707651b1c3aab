using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Insula.Server.Commands.Conversation;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary><c>insula agent</c>: agents as files under version control.</summary>
internal static class AgentCommands
{
    private const string Path = "v1/agents";

    private const string Sample =
        """
        name: helpdesk
        model: insula/reader          # or anthropic/…, openai/…, ollama/…
        system: Answer from the handbook and quote it.
        tools:
          - type: agent_toolset_20260401
        """;

    private static readonly Column[] Columns =
        [new("ID", "id"), new("NAME", "name"), new("MODEL", "model.id"), new("VERSION", "version"), Column.Time("UPDATED", "updated_at"), Column.Time("ARCHIVED", "archived_at")];

    private static readonly Column[] Fields =
    [
        new("id", "id"), new("name", "name"), new("version", "version"), new("model", "model.id"), new("description", "description"), new("system", "system"),
        new("tools", ToolNames), Column.Time("created", "created_at"), Column.Time("updated", "updated_at"), Column.Time("archived", "archived_at"),
    ];

    public static Command Build(ClientOptions client) => client.AddTo(new Command("agent", "Agents: model, instructions and tools, in versions")
    {
        Apply(client), List(client), Show(client),
    });

    private static Command Apply(ClientOptions client)
    {
        var file = new Option<string>("--file", "-f") { Description = "YAML or JSON in the shape of POST /v1/agents; several documents are split by ---; '-' reads stdin", Required = true, HelpName = "file" };
        return client.Acts(new Command("apply", "Make the agents of a file so: create each, or bring the one of that name to a new version") { file }, async (call, ct) =>
        {
            var results = new List<JsonElement>();
            foreach (var wanted in AgentFile.Read(call.Get(file)!, call.Terminal)) results.Add(await ApplyAsync(call, wanted, ct));
            if (call.Printer.Format != OutputFormat.Table) call.Printer.Data(JsonSerializer.SerializeToElement(results));
            return ExitCode.Ok;
        }).WithExamples(["insula agent apply -f agent.yaml", "", "agent.yaml:", .. Sample.Split('\n').Select(static line => "  " + line.TrimEnd('\r'))]);
    }

    private static Command List(ClientOptions client)
    {
        var limit = Lists.Limit();
        var archived = new Option<bool>("--all") { Description = "Archived ones too" };
        return client.Acts(new Command("list", "List agents, newest first") { archived, limit }, async (call, ct) =>
        {
            var path = Lists.Path(Path, ("include_archived", call.Get(archived) ? "true" : null));
            call.Printer.List(await Lists.ReadAsync(call, path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula agent list");
    }

    private static Command Show(ClientOptions client)
    {
        var name = new Argument<string>("agent") { Description = "Name or id" };
        return client.Acts(new Command("show", "Show an agent") { name }, async (call, ct) =>
        {
            var id = await new SessionChoice(call.Api).AgentAsync(call.Get(name), ct);
            call.Printer.One(await call.Api.GetAsync($"{Path}/{Uri.EscapeDataString(id)}", ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula agent show demo", "insula agent show demo -o yaml > agent.yaml");
    }

    private static async Task<JsonElement> ApplyAsync(ClientCall call, JsonObject wanted, CancellationToken ct)
    {
        var name = wanted["name"]!.GetValue<string>();
        if (await new SessionChoice(call.Api).FindAsync(Path, name, ct) is not { } current)
        {
            var made = await call.Api.PostAsync(Path, wanted, ct);
            call.Printer.Sentence($"created    {name}  {made.TextAt("id")}");
            return made;
        }

        // The version is named, so that a change made meanwhile by somebody else is not overwritten unseen.
        var before = current.GetProperty("version").GetInt32();
        wanted["version"] = before;
        AgentFile.ClearWhatIsLeftOut(wanted, current);
        var after = await call.Api.PostAsync($"{Path}/{Uri.EscapeDataString(current.TextAt("id"))}", wanted, ct);
        var version = after.GetProperty("version").GetInt32();
        call.Printer.Sentence(version == before
            ? $"unchanged  {name}  {current.TextAt("id")}  (version {version})"
            : $"updated    {name}  {current.TextAt("id")}  (version {version})");
        return after;
    }

    private static string ToolNames(JsonElement agent) =>
        agent.At("tools") is { ValueKind: JsonValueKind.Array } tools
            ? string.Join(", ", tools.EnumerateArray().Select(static tool => tool.TextAt("name") is { Length: > 0 } name ? name : tool.TextAt("type")))
            : "";
}
