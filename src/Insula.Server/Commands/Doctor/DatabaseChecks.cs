using Insula.Server.Hosting;
using Insula.Storage;

namespace Insula.Server.Commands.Doctor;

/// <summary>Whether the database servers can hold the data: reached, of a good version, with their walls standing.</summary>
internal static class DatabaseChecks
{
    /// <summary>None without a database in the settings.</summary>
    public static async Task<IEnumerable<CheckResult>> RunAsync(HostSettings? settings, CancellationToken ct)
    {
        if (settings?.Database is not { } main) return [];
        var findings = await InspectDatabase.InspectAsync(new PostgresOptions { Main = main, Servers = settings.DatabaseServers }, ct);
        return findings.Select(static finding => Of(finding, finding.Server.Length == 0 ? finding.Detail : $"{finding.Server}: {finding.Detail}"));
    }

    private static CheckResult Of(DatabaseFinding finding, string detail) => finding.Kind switch
    {
        DatabaseFindingKind.Good => CheckResult.Ok(finding.Check, detail),
        DatabaseFindingKind.Doubtful => CheckResult.Warn(finding.Check, detail, finding.Mend!),
        _ => CheckResult.Fail(finding.Check, detail, finding.Mend!),
    };
}
