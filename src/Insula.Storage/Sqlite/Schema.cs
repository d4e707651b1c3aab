using Insula.Storage.Engine;

namespace Insula.Storage.Sqlite;

/// <summary>A kind of file: its mark in the header and the migrations that make it, numbered from 1 without gaps.</summary>
/// <param name="Name">How messages call such a file.</param>
internal sealed record Schema(string Name, int ApplicationId, IReadOnlyList<Migration> Migrations)
{
    /// <summary>"INSC".</summary>
    public static Schema Control { get; } = new("control store", 0x494E5343, MigrationTexts.Of("Sqlite.Control"));

    /// <summary>"INST".</summary>
    public static Schema Tenant { get; } = new("tenant's store", 0x494E5354, MigrationTexts.Of("Sqlite.Tenant"));

    public int Version => Migrations.Count;
}
