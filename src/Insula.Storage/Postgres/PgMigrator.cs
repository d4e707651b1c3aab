using Insula.Tenancy.Faults;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// Brings a schema to what this program needs: missing steps, walls and rights in one transaction, under a lock, so that
/// several nodes may start at once and one that dies leaves nothing half done. The journal is out of the runtime role's
/// reach. A newer schema is accepted while every step that this program does not know is an <c>expand</c>.
/// </summary>
internal static class PgMigrator
{
    private const string Lock = "select pg_advisory_xact_lock(hashtextextended('insula migrate ' || $1, 0))";

    /// <summary>What the owner's schema needs before anything is recorded in it. Safe to run again.</summary>
    public const string Journal =
        $"""
        create schema if not exists {PgNames.OwnerSchema};
        revoke all on schema {PgNames.OwnerSchema} from public;
        create table if not exists {PgNames.OwnerSchema}.migrations (
          schema_name text not null,
          version integer not null,
          name text not null,
          phase text not null,
          checksum text not null,
          applied_at timestamptz not null default now(),
          primary key (schema_name, version)
        );
        create table if not exists {PgNames.OwnerSchema}.secrets (
          name text not null primary key,
          value bytea not null
        );
        """;

    /// <summary>Applies what is missing; the number of steps applied.</summary>
    /// <param name="owner">A connection of the owner, outside a transaction.</param>
    /// <param name="schemaName">The schema to bring up to date; made when it is missing.</param>
    /// <param name="user">The role that gets its rights on the schema's tables.</param>
    public static async Task<int> ApplyAsync(NpgsqlConnection owner, string schemaName, PgSchema schema, string user, CancellationToken ct)
    {
        await using var transaction = await owner.BeginTransactionAsync(ct);
        await PgOwner.RunAsync(owner, Lock, ct, schemaName);
        var missing = Missing(schema, await AppliedAsync(owner, schemaName, ct));
        if (missing.Count > 0)
        {
            var quoted = PgNames.Quote(schemaName);
            await PgOwner.RunAsync(owner, $"create schema if not exists {quoted}; revoke all on schema {quoted} from public; set local search_path = {quoted}", ct);
            foreach (var step in missing)
            {
                await PgOwner.RunAsync(owner, step.Text.Sql, ct);
                await PgOwner.RunAsync(
                    owner,
                    $"insert into {PgNames.OwnerSchema}.migrations (schema_name, version, name, phase, checksum) values ($1, $2, $3, $4, $5)",
                    ct,
                    schemaName,
                    step.Text.Version,
                    step.Text.Name,
                    step.Phase,
                    step.Text.Checksum);
            }

            await PgWalls.RaiseAsync(owner, schemaName, user, ct);
        }

        await transaction.CommitAsync(ct);
        return missing.Count;
    }

    /// <summary>What this program would apply, oldest first. Throws <see cref="FaultException"/> for a schema that it must not touch.</summary>
    public static async Task<IReadOnlyList<PgMigration>> PlanAsync(NpgsqlConnection owner, string schemaName, PgSchema schema, CancellationToken ct) =>
        Missing(schema, await AppliedAsync(owner, schemaName, ct));

    private static async Task<List<AppliedStep>> AppliedAsync(NpgsqlConnection owner, string schemaName, CancellationToken ct) => await PgOwner.AllAsync(
        owner,
        // A schema that was dropped is made anew, whatever the journal remembers.
        $"select version, name, phase, checksum from {PgNames.OwnerSchema}.migrations where schema_name = $1 and to_regnamespace(quote_ident($1)) is not null order by version",
        static row => new AppliedStep(row.GetInt32(0), row.GetString(1), row.GetString(2), row.GetString(3)),
        ct,
        schemaName);

    private static List<PgMigration> Missing(PgSchema schema, List<AppliedStep> applied)
    {
        foreach (var (step, known) in applied.Zip(schema.Migrations))
        {
            if (step.Version == known.Text.Version && string.Equals(step.Checksum, known.Text.Checksum, StringComparison.Ordinal)) continue;
            throw new FaultException(Fault.Unavailable(
                "store_migration_changed",
                $"The {schema.Name} was made by other migrations than this program has. Run the program that made it, or restore the changed migration.",
                $"recorded: {step}"));
        }

        if (applied.Skip(schema.Migrations.Count).FirstOrDefault(static step => step.Phase != "expand") is { } beyond)
        {
            throw new FaultException(Fault.Unavailable(
                "store_newer_than_program",
                $"The {schema.Name} was written by a newer Insula ({beyond.Name}; this program knows up to {schema.Migrations.Count}) and was left as it is. Run the newer program."));
        }

        return [.. schema.Migrations.Skip(applied.Count)];
    }

    private sealed record AppliedStep(int Version, string Name, string Phase, string Checksum);
}
