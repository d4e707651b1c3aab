using Insula.Storage.Engine;

namespace Insula.Storage.Postgres;

/// <summary>A kind of schema and the migrations that make it, numbered from 1 without gaps.</summary>
/// <param name="Name">How messages call it.</param>
internal sealed record PgSchema(string Name, IReadOnlyList<PgMigration> Migrations)
{
    public static PgSchema Control { get; } = new("control store", Load("Control"));

    public static PgSchema Tenant { get; } = new("tenants' store", Load("Tenant"));

    public int Version => Migrations.Count;

    private static List<PgMigration> Load(string folder) => [.. MigrationTexts.Of($"Postgres.{folder}").Select(static text => new PgMigration(text, PhaseOf(text)))];

    private static string PhaseOf(Migration text)
    {
        const string mark = "-- phase: ";
        var first = text.Sql.AsSpan(0, text.Sql.IndexOf('\n', StringComparison.Ordinal));
        return first.StartsWith(mark, StringComparison.Ordinal) && first[mark.Length..] is "expand" or "contract"
            ? first[mark.Length..].ToString()
            : throw new InvalidOperationException($"Migration {text.Name} must begin with '{mark}expand' or '{mark}contract'.");
    }
}

/// <summary>The kinds that an installation has.</summary>
/// <param name="Control">In the main database, once.</param>
/// <param name="Tenant">Wherever tenants live: one for all who share tables, and each tenant's own schema or database.</param>
internal sealed record PgSchemas(PgSchema Control, PgSchema Tenant)
{
    /// <summary>Those that this program carries.</summary>
    public static PgSchemas Shipped { get; } = new(PgSchema.Control, PgSchema.Tenant);
}

/// <summary>One step. While an <c>expand</c> step is there a program that does not know it still works; a <c>contract</c> step ends that.</summary>
internal sealed record PgMigration(Migration Text, string Phase);
