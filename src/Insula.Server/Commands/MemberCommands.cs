using System.CommandLine;
using Insula.Server.Commands.Output;
using Insula.Tenancy.Members;

namespace Insula.Server.Commands;

/// <summary><c>insula member</c>: persons in a tenant, for its administrators.</summary>
internal static class MemberCommands
{
    private const string Path = "api/v1/members";

    private static readonly Column[] Columns =
    [
        new("ID", "id"), new("NAME", "name"), new("ROLE", "role"), new("EMAIL", "email"), Column.Time("CREATED", "created_at"), Column.Time("REMOVED", "removed_at"),
    ];

    private static readonly Column[] Fields =
    [
        new("id", "id"), new("name", "name"), new("role", "role"), new("email", "email"), new("requests/min", "limits.requests_per_minute"), new("reads/min", "limits.reads_per_minute"),
        new("learn/min", "limits.learn_per_minute"), new("reason/min", "limits.reason_per_minute"), new("runs/min", "limits.runs_per_minute"), Column.Time("created", "created_at"),
        Column.Time("removed", "removed_at"),
    ];

    public static Command Build(ClientOptions client) => client.AddTo(new Command("member", "Persons in a tenant, for whom keys are made (needs a key with the scope admin)")
    {
        Add(client), List(client), Show(client), Update(client), Remove(client),
    });

    private static Command Add(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "1 to 100 characters, for people" };
        var email = new Option<string?>("--email") { Description = "An address that no other member has", HelpName = "address" };
        var (role, limits) = (Role("What its keys may do at most [member]"), Limits());
        return client.Acts(new Command("add", "Add a person") { name, email, role, limits }, async (call, ct) =>
        {
            var wanted = new Dictionary<string, object?> { ["name"] = call.Get(name), ["email"] = call.Get(email), ["limits"] = LimitOption.Read(call.Get(limits)) };
            if (call.Get(role) is { } given) wanted["role"] = given;
            call.Printer.One(await call.Api.PostAsync(Path, wanted, ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula member add \"Ada Lovelace\" --email ada@example.org --role admin", "insula member add trainee --role viewer --limit reads_per_minute=60");
    }

    private static Command List(ClientOptions client)
    {
        var (role, limit) = (Role("Only these"), Lists.Limit());
        var removed = new Option<bool>("--removed") { Description = "Removed ones too" };
        return client.Acts(new Command("list", "List members, newest first") { role, removed, limit }, async (call, ct) =>
        {
            var path = Lists.Path(Path, ("role", call.Get(role)), ("removed", call.Get(removed) ? "true" : null));
            call.Printer.List(await Lists.ReadAsync(call, path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula member list", "insula member list --role owner -o json | jq -r '.[].email'");
    }

    private static Command Show(ClientOptions client)
    {
        var id = Id();
        return client.Acts(new Command("show", "Show a member; a member's own key may show it") { id }, async (call, ct) =>
        {
            call.Printer.One(await call.Api.GetAsync(PathOf(call, id), ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula member show mbr_…");
    }

    private static Command Update(ClientOptions client)
    {
        var (id, role, limits) = (Id(), Role("New role, in force at once"), Limits());
        var name = new Option<string?>("--name") { Description = "New name", HelpName = "name" };
        var unlimited = new Option<bool>("--no-limits") { Description = "No rates of its own any more" };
        return client.Acts(new Command("update", "Change name, role or limits; what is not given stays") { id, name, role, limits, unlimited }, async (call, ct) =>
        {
            var change = new Dictionary<string, object?>();
            if (call.Get(name) is { } newName) change["name"] = newName;
            if (call.Get(role) is { } newRole) change["role"] = newRole;
            if (call.Get(limits) is { Length: > 0 } given)
            {
                // The API takes all limits at once, so those in force are read first.
                change["limits"] = LimitOption.Merge((await call.Api.GetAsync(PathOf(call, id), ct)).At("limits"), given);
            }

            if (call.Get(unlimited) && !change.TryAdd("limits", null)) throw new CommandException(ExitCode.Usage, "--limit and --no-limits exclude each other.", "Give one of them.");
            if (change.Count == 0) throw new CommandException(ExitCode.Usage, "Nothing to change was given.", "Use --name, --role, --limit or --no-limits.");
            call.Printer.One(await call.Api.PatchAsync(PathOf(call, id), change, ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula member update mbr_… --role viewer", "insula member update mbr_… --limit requests_per_minute=30 --limit reads_per_minute=   (the latter: none of its own)");
    }

    private static Command Remove(ClientOptions client)
    {
        var id = Id();
        return client.Acts(new Command("remove", "Remove a member and end all its keys at once") { id }, async (call, ct) =>
        {
            call.Printer.One(await call.Api.DeleteAsync(PathOf(call, id), ct), Fields);
            return ExitCode.Ok;
        }).WithExamples("insula member remove mbr_…");
    }

    private static Argument<string> Id() => new("id") { Description = "The member's id, mbr_…" };

    private static Option<string?> Role(string description) => new("--role") { Description = $"{description}: {string.Join(", ", MemberRoles.Names)}", HelpName = "role" };

    private static Option<string[]> Limits() => LimitOption.CreateForKey("all its keys together");

    private static string PathOf(ClientCall call, Argument<string> id) => $"{Path}/{Uri.EscapeDataString(call.Get(id))}";
}
