using System.CommandLine;
using System.Text.Json;
using Insula.Server.Commands.Migrating;
using Insula.Server.Commands.Output;
using Insula.Server.Hosting;
using Insula.Server.Http;
using Insula.Storage;
using Insula.Storage.Migrating;
using Insula.Tenancy.Faults;

namespace Insula.Server.Commands;

/// <summary>
/// <c>insula migrate</c>: brings all stores to this program's version without starting a server, or says what that would
/// do. It speaks to the database, or works on the data folder, itself.
/// </summary>
internal static class MigrateCommand
{
    public static Command Build(ClientOptions client)
    {
        var plan = new Option<bool>("--plan") { Description = "Only say what would run; nothing is changed" };
        var database = new Option<string?>("--database") { Description = "Owner's connection to the PostgreSQL database [INSULA_DATABASE; further servers by INSULA_DATABASE_NAME; else the SQLite files of the data folder]", HelpName = "conn" };
        var command = client.AddLocalTo(new Command("migrate", "Bring the stores of all tenants to this version, or say what would run") { plan, database });
        command.SetAction(async (parsed, ct) =>
        {
            var stores = StoresOf(client.Terminal, new UpOptions(client.DataOf(parsed), Database: parsed.GetValue(database)));
            var printer = client.PrinterOf(parsed);
            try
            {
                return (int)(parsed.GetValue(plan) ? await PlanAsync(stores, printer, ct) : await RunAsync(stores, printer, client.Terminal, ct));
            }
            catch (FaultException refused)
            {
                throw Refusal(refused);
            }
        });
        return command.WithExamples("insula migrate --plan", "INSULA_DATABASE=postgresql://owner@db/insula insula migrate", "insula migrate --plan -o json | jq .up_to_date");
    }

    private static StoreMigrations StoresOf(Terminal terminal, UpOptions options)
    {
        if (ReadSettings.From(terminal.Environment, options with { Data = options.Data ?? terminal.Variable(SettingNames.Data) ?? terminal.PathOf("data") }).Failed(out var fault, out var settings))
            throw new CommandException(ExitCode.Usage, fault.Message);
        return settings.Database is { } main
            ? StoreMigrations.Of(new PostgresOptions { Main = main, Servers = settings.DatabaseServers }, terminal.Time)
            : StoreMigrations.Of(new StorageOptions { DataFolder = settings.DataFolder }, terminal.Time);
    }

    private static async Task<ExitCode> PlanAsync(StoreMigrations stores, Printer printer, CancellationToken ct)
    {
        var plan = await stores.PlanAsync(ct);
        PlanView.Print(plan, printer);
        return plan.Stores.Any(static store => store.Refused > 0) ? ExitCode.Failed : ExitCode.Ok;
    }

    private static async Task<ExitCode> RunAsync(StoreMigrations stores, Printer printer, Terminal terminal, CancellationToken ct)
    {
        var outcome = await new MigrateProgress(terminal, printer.Format).RunAsync(stores, ct);
        if (printer.Format == OutputFormat.Table) printer.Sentence(Sentence(outcome));
        else printer.Data(JsonSerializer.SerializeToElement(new { steps = outcome.Steps.Select(static step => new { step.Server, Store = step.Kind, step.Name }), tenants_migrated = outcome.Migrated, failed = outcome.Failed.Select(PlanView.Failure) }, ApiJson.Options));
        return outcome.Failed.Count > 0 ? ExitCode.Failed : ExitCode.Ok;
    }

    private static string Sentence(MigrationOutcome outcome)
    {
        if (outcome.Steps.Count == 0 && outcome.Migrated == 0 && outcome.Failed.Count == 0) return "Everything is up to date.";
        var done = $"{PlainText.Count(outcome.Steps.Count, "step")} applied to control and shared stores; {PlainText.Count((int)outcome.Migrated, "tenant")} migrated.";
        return outcome.Failed.Count == 0 ? done : $"{done} {PlainText.Count(outcome.Failed.Count, "tenant")} failed: they stay as they were. Mend what is said above and run this again.";
    }

    /// <summary>What is said to the operator, whose own stores these are, includes the detail.</summary>
    private static CommandException Refusal(FaultException refused) => new(
        refused.Fault.Kind == FaultKind.Invalid ? ExitCode.Usage : refused.Fault.Code is "store_unavailable" or "store_busy" ? ExitCode.Unreachable : ExitCode.Failed,
        refused.Fault.Message,
        refused.Fault.Internal,
        refused);
}
