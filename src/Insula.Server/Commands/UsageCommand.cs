using System.CommandLine;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;
using Insula.Tenancy.Prices;

namespace Insula.Server.Commands;

/// <summary><c>insula usage</c>: what a tenant used and what it cost.</summary>
internal static class UsageCommand
{
    private static readonly Column[] Columns =
    [
        new("", "key"), new("CALLS", "items"), new("INPUT", "input_tokens"), new("OUTPUT", "output_tokens"), new("CACHE READ", "cache_read_tokens"),
        new("CACHE WRITE", "cache_write_tokens"), Money("COST $", "cost_micros"), new("UNPRICED", "unpriced"),
    ];

    public static Command Build(ClientOptions client)
    {
        var limit = Lists.Limit();
        var by = new Option<string>("--by") { Description = "day, agent, model, key, member, session, run or kind", HelpName = "group", DefaultValueFactory = static _ => "day" };
        var (from, to) = (Filter("--from", "From this date or moment on [the begin of the month]", "when"), Filter("--to", "Until this date or moment [now]", "when"));
        var (agent, model) = (Filter("--agent", "Only of this agent", "id"), Filter("--model", "Only of this model", "provider/model"));
        var (session, run, key) = (Filter("--session", "Only of this session", "id"), Filter("--run", "Only of this run", "id"), Filter("--for-key", "Only of runs that this key began", "id"));
        var member = Filter("--member", "Only of runs that a key of this member began", "id");
        var tenant = Filter("--tenant", "Of this tenant, as the operator (needs the operator key)", "id");
        var command = new Command("usage", "Show what was used and what it cost") { by, from, to, agent, model, session, run, key, member, tenant, limit };
        command.SetAction(async (parsed, ct) =>
        {
            using var api = client.ConnectionOf(parsed).Open(parsed.GetValue(tenant) is null ? KeyKind.Tenant : KeyKind.Operator);
            var call = new ClientCall(parsed, api, client.PrinterOf(parsed), client.Terminal);
            var path = Lists.Path(
                "api/v1/usage",
                ("group_by", call.Get(by)),
                ("from", call.Get(from)),
                ("to", call.Get(to)),
                ("agent", call.Get(agent)),
                ("model", call.Get(model)),
                ("session", call.Get(session)),
                ("run", call.Get(run)),
                ("key", call.Get(key)),
                ("member", call.Get(member)),
                ("tenant", call.Get(tenant)));
            call.Printer.List(await Lists.ReadAsync(call, path, limit, ct), Columns);
            return (int)ExitCode.Ok;
        });
        return client.AddTo(command).WithExamples("insula usage", "insula usage --by model --from 2027-01-01", "insula usage --by key -o json");
    }

    internal static Column Money(string head, string path) =>
        new(head, item => item.At(path) is { ValueKind: System.Text.Json.JsonValueKind.Number } micros ? Dollars.Format(micros.GetInt64()) : "");

    private static Option<string?> Filter(string name, string description, string help) => new(name) { Description = description, HelpName = help };
}
