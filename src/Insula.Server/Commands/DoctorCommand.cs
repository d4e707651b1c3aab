using System.CommandLine;
using System.Text.Json;
using Insula.Server.Commands.Doctor;
using Insula.Server.Commands.Output;
using Insula.Server.Hosting;
using Insula.Server.Http;
using Spectre.Console;

namespace Insula.Server.Commands;

/// <summary><c>insula doctor</c>: what this machine can do for Insula, and how to mend what it cannot. It changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Build(ClientOptions client)
    {
        var database = new Option<string?>("--database") { Description = "Owner's connection to the PostgreSQL database to look at [INSULA_DATABASE; further servers by INSULA_DATABASE_NAME]", HelpName = "conn" };
        var command = client.AddTo(new Command("doctor", "Check this machine, the data folder, the database and the server, and say how to mend what is wrong") { database });
        command.SetAction(async (parsed, ct) =>
        {
            var printer = client.PrinterOf(parsed);
            var connection = client.ConnectionOf(parsed);
            var results = new List<CheckResult> { MachineChecks.Runtime(), MachineChecks.Clock(client.Terminal.Time), MachineChecks.OpenFiles() };
            var read = ReadSettings.From(client.Terminal.Environment, new UpOptions(connection.DataFolder, Database: parsed.GetValue(database)));
            var settings = read.Failed(out _, out var understood) ? null : understood;
            results.Add(ServerChecks.Settings(read));
            results.AddRange(new DataFolderChecks(connection.DataFolder, client.Terminal.Time).Run(embedded: settings?.Database is null));
            results.AddRange(await DatabaseChecks.RunAsync(settings, ct));
            results.Add(await ServerChecks.ServerAsync(connection, client.Terminal, ct));

            var ok = results.TrueForAll(static result => result.Status != CheckStatus.Fail);
            if (printer.Format == OutputFormat.Table) Show(client.Terminal, results, ok);
            else printer.Data(JsonSerializer.SerializeToElement(new { ok, checks = results }, ApiJson.Options));
            return (int)(ok ? ExitCode.Ok : ExitCode.Failed);
        });
        return command.WithExamples("insula doctor", "INSULA_DATABASE=postgresql://owner@db/insula insula doctor", "insula doctor --data /var/lib/insula -o json | jq '.checks[] | select(.status != \"ok\")'");
    }

    private static void Show(Terminal terminal, IReadOnlyList<CheckResult> results, bool ok)
    {
        var console = terminal.OutConsole();
        foreach (var result in results)
        {
            var colour = result.Status switch { CheckStatus.Ok => Color.Green, CheckStatus.Warn => Color.Yellow, _ => Color.Red };
            console.Write(new Text($"{Word(result.Status),-4}  ", new Style(colour)));
            console.Write(new Text($"{result.Name,-15} {PlainText.Line(result.Detail)}\n"));
            if (result.Fix is { } fix) console.Write(new Text($"      {"",-15} → {PlainText.Line(fix)}\n"));
        }

        terminal.Out.WriteLine(ok ? "\nInsula can run here." : "\nInsula cannot run here before the failed points are mended.");
    }

    private static string Word(CheckStatus status) => status switch { CheckStatus.Ok => "ok", CheckStatus.Warn => "warn", _ => "FAIL" };
}
