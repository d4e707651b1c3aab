using System.CommandLine;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary><c>insula statement</c>: what a tenant owes for a month.</summary>
internal static class StatementCommand
{
    private static readonly Column[] Columns =
    [
        new("KIND", "kind"), new("NAME", "name"), new("CALLS", "items"), new("INPUT", "input_tokens"), new("OUTPUT", "output_tokens"),
        UsageCommand.Money("COST $", "cost_micros"), new("UNPRICED", "unpriced"),
    ];

    public static Command Build(ClientOptions client)
    {
        var month = new Argument<string>("month") { Description = "Such as 2027-01" };
        var format = new Option<string?>("--format") { Description = "csv for the lines, focus for FOCUS 1.2; printed as it comes", HelpName = "csv|focus" };
        var tenant = new Option<string?>("--tenant") { Description = "Of this tenant, as the operator (needs the operator key)", HelpName = "id" };
        var command = new Command("statement", "Show what a tenant owes for a month") { month, format, tenant };
        command.SetAction(async (parsed, ct) =>
        {
            using var api = client.ConnectionOf(parsed).Open(parsed.GetValue(tenant) is null ? KeyKind.Tenant : KeyKind.Operator);
            var path = Lists.Path($"api/v1/statements/{Uri.EscapeDataString(parsed.GetRequiredValue(month))}", ("tenant", parsed.GetValue(tenant)), ("format", parsed.GetValue(format)));
            if (parsed.GetValue(format) is not null)
            {
                client.Terminal.Out.Write(await api.GetTextAsync(path, ct));
                return (int)ExitCode.Ok;
            }

            var statement = await api.GetAsync(path, ct);
            var printer = client.PrinterOf(parsed);
            if (client.FormatOf(parsed) != OutputFormat.Table)
            {
                printer.One(statement);
                return (int)ExitCode.Ok;
            }

            printer.List([.. statement.GetProperty("lines").EnumerateArray()], Columns);
            var standing = statement.GetProperty("final").GetBoolean() ? "final" : "so far";
            printer.Note($"Total: ${statement.TextAt("total")} ({standing}).");
            return (int)ExitCode.Ok;
        });
        return client.AddTo(command).WithExamples("insula statement 2027-01", "insula statement 2027-01 --format focus > focus.csv", "insula statement 2027-01 --tenant tnt_… -o json");
    }
}
