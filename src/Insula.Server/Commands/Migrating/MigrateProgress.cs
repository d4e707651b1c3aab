using System.Text.Json;
using Insula.Server.Commands.Output;
using Insula.Storage.Migrating;
using Spectre.Console;

namespace Insula.Server.Commands.Migrating;

/// <summary>
/// Tells on stderr how migrations go: on a terminal a bar, else a line for each step, each failure and now and then for
/// how far it is. Told by several threads.
/// </summary>
internal sealed class MigrateProgress(Terminal terminal, OutputFormat format)
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(5);

    private readonly Lock _telling = new();
    private long _told = terminal.Time.GetTimestamp();

    public async Task<MigrationOutcome> RunAsync(StoreMigrations stores, CancellationToken ct)
    {
        if (!terminal.ErrorIsTerminal || format != OutputFormat.Table) return await stores.RunAsync(Tell, ct);

        return await terminal.ErrorConsole().Progress()
            .AutoClear(enabled: true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask("Control and shared stores", maxValue: 1);
                return await stores.RunAsync(news => Show(bar, news), ct);
            });
    }

    private static void Show(ProgressTask bar, MigrationNews news)
    {
        switch (news)
        {
            case StepApplied step:
                bar.Description = Markup.Escape(Line(step));
                break;
            case WaitingForNode waiting:
                bar.Description = Markup.Escape(Line(waiting));
                break;
            case TenantsMigrated tenants:
                bar.Description = "Tenants' own stores";
                bar.MaxValue = Math.Max(tenants.Total, tenants.Done);
                bar.Value = tenants.Done;
                break;
        }
    }

    private void Tell(MigrationNews news)
    {
        lock (_telling)
        {
            if (news is TenantsMigrated { Failure: { } failed })
            {
                terminal.Error.WriteLine(PlainText.Line($"{failed.Tenant} ({failed.Place} on {failed.Server}) could not be migrated: {failed.Reason}"));
            }
            else if (news is StepApplied || terminal.Time.GetElapsedTime(_told) >= TellEvery || news is TenantsMigrated { Done: var done, Total: var total } && done == total)
            {
                _told = terminal.Time.GetTimestamp();
                terminal.Error.WriteLine(PlainText.Line(Line(news)));
            }
        }
    }

    private static string Line(MigrationNews news) => news switch
    {
        StepApplied step => $"{JsonNamingPolicy.SnakeCaseLower.ConvertName(step.Kind.ToString())} store on {step.Server}: {step.Name}",
        WaitingForNode waiting => $"another node migrates tenants; {waiting.Left} are left",
        TenantsMigrated tenants => $"{tenants.Done} of {tenants.Total} tenants gone through",
        _ => "",
    };
}
