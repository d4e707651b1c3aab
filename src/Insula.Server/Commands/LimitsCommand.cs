using System.CommandLine;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands;

/// <summary><c>insula limits</c>: what stands against the caller, and what is left of it.</summary>
internal static class LimitsCommand
{
    private static readonly Column[] Columns =
    [
        new("LIMIT", "name"), new("OF", "applies_to"), new("VALUE", "value"), new("USED", "used"), new("LEFT", "left"), Column.Time("RESETS", "resets_at"), new("FROM", "source"), new("RAISED BY", "raised_by"),
    ];

    public static Command Build(ClientOptions client)
    {
        var tenant = new Option<string?>("--tenant") { Description = "Of this tenant, as the operator (needs the operator key)", HelpName = "id" };
        var command = new Command("limits", "Show every limit that applies to the key, with what is used and left") { tenant };
        command.SetAction(async (parsed, ct) =>
        {
            var owner = parsed.GetValue(tenant);
            using var api = client.ConnectionOf(parsed).Open(owner is null ? KeyKind.Tenant : KeyKind.Operator);
            var answer = await api.GetAsync(owner is null ? "api/v1/limits" : $"api/v1/tenants/{Uri.EscapeDataString(owner)}/limits", ct);
            client.PrinterOf(parsed).List([.. answer.GetProperty("data").EnumerateArray()], Columns);
            return (int)ExitCode.Ok;
        });
        return client.AddTo(command).WithExamples("insula limits", "insula limits -o json | jq '.[] | select(.left == 0)'", "insula limits --tenant tnt_…");
    }
}
