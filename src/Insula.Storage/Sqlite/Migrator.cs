using Insula.Tenancy.Faults;

namespace Insula.Storage.Sqlite;

/// <summary>
/// Brings a file to this program's schema, all missing steps in one transaction. What was applied is recorded with its
/// checksum: a step whose text changed since is refused, for nobody could say what the file looks like.
/// </summary>
internal static class Migrator
{
    private const string Journal =
        """
        create table schema_migrations (
          version integer not null primary key,
          name text not null,
          checksum text not null,
          applied_at integer not null
        )
        """;

    /// <summary>Throws unless the open file is of this schema, not newer, and made by the same steps. Only reads.</summary>
    public static void Verify(SqliteLink link, Schema schema)
    {
        var version = (int)link.Number("pragma user_version");
        RefuseVersion(version, schema);
        if (link.Number("pragma application_id") != schema.ApplicationId) throw new FaultException(SqliteFaults.Unreadable(schema.Name, "written by another application"));

        var applied = link.All("select version, name, checksum from schema_migrations order by version", static row => (Version: row.GetInt32(0), Name: row.GetString(1), Checksum: row.GetString(2)));
        var known = schema.Migrations.Take(version).Select(static m => (m.Version, m.Name, m.Checksum));
        if (applied.SequenceEqual(known)) return;
        throw new FaultException(Fault.Unavailable(
            "store_migration_changed",
            $"The {schema.Name} was made by other migrations than this program has. Run the program that made it, or restore the changed migration.",
            $"recorded: {string.Join(", ", applied)}"));
    }

    /// <summary>Applies the missing steps; true when there were any.</summary>
    public static bool Apply(SqliteLink link, Schema schema, TimeProvider time)
    {
        var version = (int)link.Number("pragma user_version");
        if (version == schema.Version) return false;
        link.Run("begin immediate");
        if (version == 0) link.Script(Journal);
        foreach (var step in schema.Migrations.Skip(version))
        {
            link.Script(step.Sql);
            link.Run(
                "insert into schema_migrations (version, name, checksum, applied_at) values (@version, @name, @checksum, @applied_at)",
                ("@version", step.Version),
                ("@name", step.Name),
                ("@checksum", step.Checksum),
                ("@applied_at", Instant.ToNumber(time.GetUtcNow())));
        }

        // Both live in the header and commit with the rest.
        link.Script($"pragma application_id = {schema.ApplicationId}; pragma user_version = {schema.Version};");
        link.Run("commit");
        return true;
    }

    public static void RefuseVersion(int version, Schema schema)
    {
        if (version > schema.Version)
        {
            throw new FaultException(Fault.Unavailable(
                "store_newer_than_program",
                $"The {schema.Name} was written by a newer Insula (schema {version}; this program knows up to {schema.Version}) and was left as it is. Run the newer program."));
        }

        if (version < 1) throw new FaultException(SqliteFaults.Unreadable(schema.Name, $"schema version {version}"));
    }
}
