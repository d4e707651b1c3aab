using Insula.Tenancy.Faults;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// Asks the catalog whether the walls below the application stand, with a connection of the runtime role: what holds it, what
/// each table shows it, what it may do. Everything that exists is looked at, so whatever somebody added by hand is found.
/// It changes nothing: a wall that somebody took down may have been taken down on purpose, and the operator must learn of it.
/// </summary>
internal static class CheckWalls
{
    /// <summary>How many holes a message names. One mistake often makes one in each table.</summary>
    private const int NamedMax = 20;

    /// <summary>
    /// Unique keys that do not begin with the tenant. A key's handle is looked up before its tenant is known; it is 71
    /// random bits, so nobody meets another's by trying.
    /// </summary>
    private static readonly string[] KeyExceptions = [$"{PgNames.ControlSchema}.api_keys (handle)"];

    /// <summary>Holes of a database: of the role, of what it may do there, and of the schemas given.</summary>
    public static Task<List<Breach>> OfDatabaseAsync(NpgsqlConnection runtime, IReadOnlyList<string> schemas, CancellationToken ct) => AskAsync(
        runtime,
        [
            new(RoleWallsSql.Settings), .. OfRole(""), new(RoleWallsSql.Database), new(RoleWallsSql.Functions), new(RoleWallsSql.LargeObjects), .. OfSchemas([.. schemas]),
        ],
        ct);

    /// <summary>Holes of one tenant's schema and of its role, in a database that was looked at when the program started.</summary>
    public static Task<List<Breach>> OfSchemaAsync(NpgsqlConnection runtime, string schema, CancellationToken ct) => AskAsync(runtime, [.. OfRole(schema), .. OfSchemas([schema])], ct);

    /// <summary>The refusal of a start, for the operator.</summary>
    public static Fault Refusal(string server, IReadOnlyList<Breach> breaches) => Fault.Unavailable(
        "database_unsafe",
        $"The walls between tenants have holes in the database of server '{server}', and Insula does not start on it. Mend them as the database's owner or a superuser: {List(breaches)}");

    /// <summary>The refusal of one tenant's store. What is wrong is the operator's to know, and stands in the log.</summary>
    public static Fault Closed(string place, IReadOnlyList<Breach> breaches) => Fault.Unavailable(
        "database_unsafe",
        "The walls around this tenant's data have a hole, and its store stays closed until the operator mends it. The log says what and how; 'insula doctor' does too.",
        $"{place}: {List(breaches)}");

    private static string List(IReadOnlyList<Breach> breaches)
    {
        var lines = breaches.Take(NamedMax).Select(static breach => $"\n- {breach.What}: {breach.Mend};");
        return string.Concat(breaches.Count > NamedMax ? lines.Append($"\n- and {breaches.Count - NamedMax} more; 'insula doctor' names all.") : lines);
    }

    private static IEnumerable<NpgsqlBatchCommand> OfRole(string role) => [Ask(RoleWallsSql.Attributes, role), Ask(RoleWallsSql.Memberships, role), Ask(RoleWallsSql.Ownership, role)];

    private static IEnumerable<NpgsqlBatchCommand> OfSchemas(string[] schemas) =>
    [
        Ask(TableWallsSql.Guards, schemas),
        Ask(
            TableWallsSql.Policies,
            schemas,
            PgWalls.Policy,
            PgWalls.RuleOf(PgNames.ControlSchema, hasTenant: true, hasTrail: false)!,
            PgWalls.RuleOf(PgNames.ControlSchema, hasTenant: false, hasTrail: true)!,
            PgWalls.RuleOf(PgNames.ControlSchema, hasTenant: false, hasTrail: false)!,
            PgWalls.RuleOf(PgNames.TenantsSchema, hasTenant: true, hasTrail: false)!),
        Ask(TableWallsSql.Rights, schemas, (object)PgWalls.AppendOnly),
        Ask(TableWallsSql.Keys, schemas, (object)KeyExceptions),
    ];

    private static NpgsqlBatchCommand Ask(string sql, object first, params IEnumerable<object> more)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in more.Prepend(first)) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    private static async Task<List<Breach>> AskAsync(NpgsqlConnection runtime, IEnumerable<NpgsqlBatchCommand> questions, CancellationToken ct)
    {
        await using var batch = runtime.CreateBatch();
        foreach (var question in questions) batch.BatchCommands.Add(question);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        List<Breach> breaches = [];
        do
        {
            while (await reader.ReadAsync(ct)) breaches.Add(new Breach(reader.GetString(0), reader.GetString(1)));
        }
        while (await reader.NextResultAsync(ct));
        return breaches;
    }
}

/// <summary>A hole in a wall.</summary>
/// <param name="What">As a part of a sentence.</param>
/// <param name="Mend">SQL that closes it, without the last semicolon.</param>
internal sealed record Breach(string What, string Mend);
