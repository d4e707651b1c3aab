using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Insula.Server.Commands.Output;
using Insula.Tenancy.Prices;

namespace Insula.Server.Commands;

/// <summary><c>insula budget</c>: what may be spent, and what was.</summary>
internal static class BudgetCommands
{
    private const string Path = "api/v1/budgets";

    private static readonly Column[] Columns =
    [
        new("ID", "id"), Money("LIMIT", "limit_micros"), Money("SPENT", "spent_micros"), Money("HELD", "held_micros"), Money("LEFT", "left_micros"),
        new("PERIOD", "period"), Column.Time("RESETS", "resets_at"), new("SET BY", "set_by"),
    ];

    private static readonly Column[] Fields =
    [
        new("id", "id"), Money("limit", "limit_micros"), Money("spent", "spent_micros"), Money("held", "held_micros"), Money("left", "left_micros"), new("period", "period"), Column.Time("resets", "resets_at"),
    ];

    public static Command Build(ClientOptions client) =>
        client.AddTo(new Command("budget", "What the platform, a tenant, an agent, a session or a run may spend") { List(client), Set(client), Remove(client) });

    private static Command List(ClientOptions client)
    {
        var scope = new Option<string?>("--scope") { Description = "Only these", HelpName = "tenant|agent|session|session_own|run" };
        var tenant = new Option<string?>("--tenant") { Description = "As the operator: this tenant's, instead of the platform's own", HelpName = "id" };
        var limit = Lists.Limit();
        return client.Acts(new Command("list", "List budgets with what they spent and hold, in dollars") { scope, tenant, limit }, async (call, ct) =>
        {
            var path = Lists.Path(Path, ("scope", call.Get(scope)), ("tenant", call.Get(tenant)));
            call.Printer.List(await Lists.ReadAsync(call, path, limit, ct), Columns);
            return ExitCode.Ok;
        }).WithExamples("insula budget list", "insula budget list --scope agent -o json");
    }

    private static Command Set(ClientOptions client)
    {
        var id = Id();
        var dollars = new Argument<string>("dollars") { Description = "The most that may be spent" };
        var period = new Option<string?>("--period") { Description = "By the calendar in UTC [month]", HelpName = "day|week|month|life" };
        var at = new Option<string?>("--at") { Description = "Percentages at which it says so, with commas [50,80,100]", HelpName = "percent,…" };
        var command = new Command("set", "Set a budget, in force at once; what was spent stays") { id, dollars, period, at };
        return client.Acts(command, async (call, ct) =>
        {
            var micros = Dollars.Parse(call.Get(dollars))
                ?? throw new CommandException(ExitCode.Usage, $"{call.Get(dollars)} is not an amount of dollars.", "Write a decimal number that is not negative, with at most 6 places, such as 12.50.");
            var body = new Dictionary<string, object> { ["limit_micros"] = micros };
            if (call.Get(period) is { } given) body["period"] = given;
            if (call.Get(at) is { } percentages) body["thresholds"] = Thresholds(percentages);
            return Shown(call, await call.Api.PutAsync(PathOf(call, id), body, ct));
        }).WithExamples("insula budget set agent:agent_… 25 --period week", "insula budget set run 0.50", "insula budget set tenant:tnt_… 400 --at 80,95   (as the operator; also platform)");
    }

    private static Command Remove(ClientOptions client)
    {
        var id = Id();
        return client.Acts(new Command("remove", "Take a budget away") { id }, async (call, ct) =>
        {
            call.Printer.One(await call.Api.DeleteAsync(PathOf(call, id), ct), [new("id", "id"), new("deleted", "deleted")]);
            return ExitCode.Ok;
        }).WithExamples("insula budget remove agent:agent_…");
    }

    private static Argument<string> Id() => new("id") { Description = "agent:agent_…, session:sesn_… or run; for the operator platform or tenant:tnt_…" };

    private static string PathOf(ClientCall call, Argument<string> id) => $"{Path}/{Uri.EscapeDataString(call.Get(id))}";

    private static int[] Thresholds(string text)
    {
        List<int> percentages = [];
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var percent))
                throw new CommandException(ExitCode.Usage, $"--at {text} is not a list of percentages.", "Write whole numbers from 1 to 100 with commas, such as 50,80,100.");
            percentages.Add(percent);
        }

        return [.. percentages];
    }

    private static Column Money(string head, string path) =>
        new(head, item => item.At(path) is { ValueKind: JsonValueKind.Number } micros ? Dollars.Format(micros.GetInt64()) : "");

    private static ExitCode Shown(ClientCall call, JsonElement budget)
    {
        call.Printer.One(budget, Fields);
        return ExitCode.Ok;
    }
}
