using System.CommandLine;
using System.Text.Json;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary><c>insula tenant</c>: the operator's view of the customers.</summary>
internal static class TenantCommands
{
    private const string Path = "api/v1/tenants";

    private static readonly Column[] Columns =
        [new("ID", "id"), new("NAME", "name"), new("PLAN", "plan"), new("STATUS", "status"), new("PLACEMENT", "placement"), new("SERVER", "server"), Column.Time("CREATED", "created_at")];

    private static readonly Column[] Fields =
    [
        new("id", "id"), new("name", "name"), new("email", "email"), new("plan", "plan"), new("status", "status"), new("suspended", "suspended_reason"),
        new("placement", "placement"), new("server", "server"), new("requests/min", "limits.requests_per_minute"), new("reads/min", "limits.reads_per_minute"),
        new("learn/min", "limits.learn_per_minute"), new("reason/min", "limits.reason_per_minute"), new("runs at once", "limits.concurrent_runs"),
        new("concepts", "limits.concepts"), new("storage bytes", "limits.storage_bytes"), new("run weight", "limits.run_weight"), new("runs minimum", "limits.runs_minimum"), Column.Time("created", "created_at"),
    ];

    private static readonly Option<string?> Plan = new("--plan") { Description = "Plan: free, pro, enterprise, or one of the operator's own", HelpName = "plan" };

    private static readonly Option<string?> Placement = new("--placement")
    {
        Description = "Where the data live: file (embedded store); shared, schema or database (PostgreSQL)",
        HelpName = "placement",
    };

    private static readonly Option<string?> Server = new("--server") { Description = "Name of the server that the data live on", HelpName = "name" };

    public static Command Build(ClientOptions client) => client.AddTo(new Command("tenant", "Customers of this installation (needs the operator key)")
    {
        Create(client), List(client), Show(client), Update(client), Suspend(client), Resume(client), Billing(client),
    });

    private static Command Create(ClientOptions client)
    {
        var name = new Argument<string>("name") { Description = "1 to 200 characters, for people" };
        var limits = LimitOption.Create();
        var command = new Command("create", "Create a tenant and its owner key, which is shown once") { name, Plan, Placement, Server, limits };
        return client.Acts(command, KeyKind.Operator, async (call, ct) =>
        {
            var wanted = new
            {
                name = call.Get(name),
                plan = call.Get(Plan),
                placement = call.Get(Placement),
                server = call.Get(Server),
                limits = LimitOption.Read(call.Get(limits)),
            };
            call.Printer.One(
                await call.Api.PostAsync(Path, wanted, ct),
                new("tenant", "tenant.id"),
                new("name", "tenant.name"),
                new("plan", "tenant.plan"),
                new("placement", "tenant.placement"),
                new("server", "tenant.server"),
                new("owner key", "key.secret"));
            call.Printer.Note("The key is shown this once: keep it now.");
            return ExitCode.Ok;
        }).WithExamples("insula tenant create \"Acme GmbH\" --plan pro", "insula tenant create bank --placement database --server eu1", "insula tenant create trial --limit requests_per_minute=30 --limit storage_bytes=500000000");
    }

    private static Command List(ClientOptions client)
    {
        var status = new Option<string?>("--status") { Description = "Only these", HelpName = "active|suspended" };
        var name = new Option<string?>("--name") { Description = "Only those whose name begins so", HelpName = "prefix" };
        var limit = Lists.Limit();
        var command = new Command("list", "List tenants, newest first") { status, Plan, name, Placement, Server, limit };
        return client.Acts(command, KeyKind.Operator, async (call, ct) =>
        {
            var path = Lists.Path(Path, ("status", call.Get(status)), ("plan", call.Get(Plan)), ("name", call.Get(name)), ("placement", call.Get(Placement)), ("server", call.Get(Server)));
            call.Printer.List(await Lists.ReadAsync(call, path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula tenant list --status suspended", "insula tenant list -o json | jq -r '.[].id'");
    }

    private static Command Show(ClientOptions client)
    {
        var id = Id();
        var command = new Command("show", "Show a tenant and the limits in force; a tenant's own key may show itself") { id };
        return client.Acts(command, KeyKind.Operator, async (call, ct) => Shown(call, await call.Api.GetAsync(PathOf(call, id), ct)))
            .WithExamples("insula tenant show tnt_…");
    }

    private static Command Update(ClientOptions client)
    {
        var id = Id();
        var name = new Option<string?>("--name") { Description = "New name", HelpName = "name" };
        var limits = LimitOption.Create();
        var addOn = new Option<string[]>("--add-on") { Description = "More of a limit for a time, name=number; may be given again. It comes on top, until --until", HelpName = "name=n" };
        var until = new Option<string?>("--until") { Description = "When the add-on ends: a time such as 2027-01-31T00:00:00Z, or from now: 12h, 30d", HelpName = "when" };
        var command = new Command("update", "Change name, plan or limits; what is not given stays") { id, name, Plan, limits, addOn, until };
        return client.Acts(command, KeyKind.Operator, async (call, ct) =>
        {
            var change = new Dictionary<string, object>();
            if (call.Get(name) is { } newName) change["name"] = newName;
            if (call.Get(Plan) is { } plan) change["plan"] = plan;
            if (call.Get(limits) is { Length: > 0 } given)
            {
                // The API takes all overrides at once, so those in force are read first.
                var current = await call.Api.GetAsync(PathOf(call, id), ct);
                change["limits"] = LimitOption.Merge(current.At("limit_overrides"), given);
            }

            if (call.Get(addOn) is { Length: > 0 } more)
            {
                var ends = Durations.Moment("--until", call.Get(until), call.Terminal.Time) ?? throw new CommandException(ExitCode.Usage, "An add-on has to end.", "Say when: --until 30d.");
                var current = (await call.Api.GetAsync(PathOf(call, id), ct)).At("add_ons");
                change["add_ons"] = (object[])[.. current?.EnumerateArray().Cast<object>() ?? [], new { limits = LimitOption.Read(more), until = ends }];
            }

            if (change.Count == 0) throw new CommandException(ExitCode.Usage, "Nothing to change was given.", "Use --name, --plan, --limit or --add-on.");
            return Shown(call, await call.Api.PatchAsync(PathOf(call, id), change, ct));
        }).WithExamples("insula tenant update tnt_… --plan enterprise", "insula tenant update tnt_… --limit concurrent_runs=5 --limit learn_per_minute=   (the latter: back to the plan's)", "insula tenant update tnt_… --add-on requests_per_minute=500 --until 7d");
    }

    private static Command Suspend(ClientOptions client)
    {
        var id = Id();
        var reason = new Option<string?>("--reason") { Description = "Shown to the tenant", HelpName = "text" };
        var command = new Command("suspend", "Stop everything of a tenant and refuse its keys; nothing is lost") { id, reason };
        return client.Acts(command, KeyKind.Operator, async (call, ct) => Shown(call, await call.Api.PostAsync(PathOf(call, id) + "/suspend", new { reason = call.Get(reason) }, ct)))
            .WithExamples("insula tenant suspend tnt_… --reason \"invoice 4711 is open\"");
    }

    private static Command Resume(ClientOptions client)
    {
        var id = Id();
        var command = new Command("resume", "Let a suspended tenant go on") { id };
        return client.Acts(command, KeyKind.Operator, async (call, ct) => Shown(call, await call.Api.PostAsync(PathOf(call, id) + "/resume", body: null, ct)))
            .WithExamples("insula tenant resume tnt_…");
    }

    private static Command Billing(ClientOptions client)
    {
        var id = Id();
        var customer = new Option<string?>("--stripe-customer") { Description = "Report costs from now on for this customer of Stripe", HelpName = "cus_…" };
        var nobody = new Option<bool>("--no-stripe-customer") { Description = "Report nothing" };
        var command = new Command("billing", "Show or say which customer of the billing provider a tenant is") { id, customer, nobody };
        return client.Acts(command, KeyKind.Operator, async (call, ct) =>
        {
            var path = PathOf(call, id) + "/billing";
            if (call.Get(customer) is not null && call.Get(nobody)) throw new CommandException(ExitCode.Usage, "--stripe-customer and --no-stripe-customer exclude each other.", "Give one of them, or neither to see how it is.");
            var changes = call.Get(customer) is not null || call.Get(nobody);
            var billing = changes ? await call.Api.PutAsync(path, new { stripe_customer = call.Get(customer) }, ct) : await call.Api.GetAsync(path, ct);
            call.Printer.One(billing, new Column("stripe customer", static item => item.TextAt("stripe_customer") is { Length: > 0 } known ? known : "none: costs are reported to nobody"));
            return ExitCode.Ok;
        }).WithExamples("insula tenant billing tnt_…", "insula tenant billing tnt_… --stripe-customer cus_…", "insula tenant billing tnt_… --no-stripe-customer");
    }

    private static Argument<string> Id() => new("id") { Description = "The tenant's id, tnt_…" };

    private static string PathOf(ClientCall call, Argument<string> id) => $"{Path}/{Uri.EscapeDataString(call.Get(id))}";

    private static ExitCode Shown(ClientCall call, JsonElement tenant)
    {
        call.Printer.One(tenant, Fields);
        return ExitCode.Ok;
    }
}
