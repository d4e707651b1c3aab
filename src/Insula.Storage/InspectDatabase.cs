using Insula.Storage.Postgres;
using Insula.Tenancy.Faults;

namespace Insula.Storage;

/// <summary>How much one thing about a database matters.</summary>
public enum DatabaseFindingKind
{
    Good,

    /// <summary>Insula runs on it, less well or less safely.</summary>
    Doubtful,

    /// <summary>Insula does not start on it.</summary>
    Unusable,
}

/// <summary>One thing that was looked at on a database server.</summary>
/// <param name="Check">What was looked at, in a word or two.</param>
/// <param name="Server">The server's name in the settings.</param>
/// <param name="Mend">What to do; null for what is good.</param>
public sealed record DatabaseFinding(string Check, string Server, DatabaseFindingKind Kind, string Detail, string? Mend = null);

/// <summary>
/// Looks at the database servers of an installation without changing anything, so it is safe beside running nodes. It looks
/// into every tenant's own schema and database, where a start looks only when they are first used.
/// </summary>
public static class InspectDatabase
{
    public static async Task<IReadOnlyList<DatabaseFinding>> InspectAsync(PostgresOptions options, CancellationToken ct)
    {
        try
        {
            options.Validate();
            List<DatabaseFinding> findings = [];
            foreach (var (name, address) in PgAddress.All(options)) findings.AddRange(await new InspectServer(name, address, options).RunAsync(ct));
            return findings;
        }
        catch (FaultException error)
        {
            // All of an address is read before anything is connected to: the message names the setting.
            return [new DatabaseFinding("database", "", DatabaseFindingKind.Unusable, error.Fault.Message, "Change the setting.")];
        }
    }
}
