using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// What the owner keeps about a database, out of the runtime role's reach: which steps made each schema, how far the
/// tenants' own databases beside it are, and which of both could not be migrated. The steps are the truth and commit with
/// what they record. A database's version is only what was last seen, so that nobody has to open each one to find those
/// that are behind; whoever opens one looks at its own steps.
/// </summary>
internal static class PgJournal
{
    private const int FailuresMax = 100;

    private const string Tables =
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
        create table if not exists {PgNames.OwnerSchema}.databases (
          name text not null primary key,
          version integer not null
        );
        create table if not exists {PgNames.OwnerSchema}.failed_migrations (
          place text not null primary key,
          failed_at timestamptz not null default now(),
          reason text not null
        );
        """;

    public const string Applied =
        $"select version, name, phase, checksum from {PgNames.OwnerSchema}.migrations where schema_name = $1 and to_regnamespace(quote_ident($1)) is not null order by version";

    /// <summary>Tenants' own schemas and databases here that lack a step; the name is the key to the next page.</summary>
    private const string Behind = $"select name, kind from ({Own}) places where version < $1";

    /// <summary>Every tenant's own schema and database, and how far it is.</summary>
    private const string Own =
        $"""
        select m.schema_name collate "C" as name, 'schema' as kind, max(m.version) as version
        from {PgNames.OwnerSchema}.migrations m
        where m.schema_name ~ '^t_[0-9a-f]{"{32}"}$' and exists (select 1 from pg_namespace n where n.nspname = m.schema_name)
        group by m.schema_name
        union all
        select d.datname::text collate "C", 'database', coalesce(b.version, 0)
        from pg_database d left join {PgNames.OwnerSchema}.databases b on b.name = d.datname
        where starts_with(d.datname::text, $2) and substr(d.datname::text, length($2) + 1) ~ '^[0-9a-f]{"{32}"}$' and d.datallowconn and d.datconnlimit <> -2
        """;

    /// <summary>Makes the owner's tables. Safe to run again, and by several at once.</summary>
    public static async Task EnsureAsync(NpgsqlConnection owner, CancellationToken ct)
    {
        await using var transaction = await owner.BeginTransactionAsync(ct);
        await PgOwner.RunAsync(owner, "select pg_advisory_xact_lock(hashtextextended('insula initialise', 0))", ct);
        await PgOwner.RunAsync(owner, Tables, ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>Whether there are any: not in a database that Insula has never seen, nor in one that was just made.</summary>
    public static async Task<bool> ExistsAsync(NpgsqlConnection owner, CancellationToken ct) =>
        await PgOwner.FirstAsync<bool>(owner, $"select to_regclass('{PgNames.OwnerSchema}.failed_migrations') is not null", ct);

    /// <summary>The steps that made a schema. One that was dropped is made anew, whatever was recorded.</summary>
    public static Task<List<AppliedStep>> AppliedAsync(NpgsqlConnection owner, string schemaName, CancellationToken ct) => PgOwner.AllAsync(owner, Applied, StepOf, ct, schemaName);

    public static AppliedStep StepOf(DbDataReader row) => new(row.GetInt32(0), row.GetString(1), row.GetString(2), row.GetString(3));

    /// <summary>The statement that records a step. Its values are this program's own, so that it can ride with the step's text.</summary>
    public static string Record(string schemaName, PgMigration step) =>
        $"insert into {PgNames.OwnerSchema}.migrations (schema_name, version, name, phase, checksum) values ({PgNames.Literal(schemaName)}, {step.Text.Version}, {PgNames.Literal(step.Text.Name)}, {PgNames.Literal(step.Phase)}, {PgNames.Literal(step.Text.Checksum)})";

    /// <summary>The statement that forgets what was recorded of a schema that is gone.</summary>
    public static string Forget(string schemaName) => $"delete from {PgNames.OwnerSchema}.migrations where schema_name = {PgNames.Literal(schemaName)};";

    /// <summary>How far a tenant's own database is, as it was just seen.</summary>
    public static Task NoteDatabaseAsync(NpgsqlConnection main, string database, int version, CancellationToken ct) => PgOwner.RunAsync(
        main,
        $"insert into {PgNames.OwnerSchema}.databases as d (name, version) values ($1, $2) on conflict (name) do update set version = excluded.version where d.version <> excluded.version",
        ct,
        database,
        version);

    /// <param name="version">What an up-to-date one has.</param>
    /// <param name="after">The last one of the page before, or empty.</param>
    public static Task<List<PgPlace>> BehindAsync(NpgsqlConnection main, int version, string databasePrefix, string after, int limit, CancellationToken ct) => PgOwner.AllAsync(
        main,
        $"{Behind} and name > $3 order by name limit $4",
        static row => PgPlace.Named(row.GetString(0), PlacementOf(row.GetString(1))),
        ct,
        version,
        databasePrefix,
        after,
        limit);

    /// <summary>How many are behind, and how many of these could not be migrated when it was last tried.</summary>
    public static async Task<BehindCount> CountBehindAsync(NpgsqlConnection main, int version, string databasePrefix, CancellationToken ct) => (await PgOwner.AllAsync(
        main,
        $"select count(*), count(f.place) from ({Behind}) b left join {PgNames.OwnerSchema}.failed_migrations f on f.place = b.name",
        static row => new BehindCount(row.GetInt64(0), row.GetInt64(1)),
        ct,
        version,
        databasePrefix))[0];

    /// <summary>How many tenants' own schemas and databases there are of each version, and which this program must not touch.</summary>
    public static Task<List<PlaceGroup>> PlacesAsync(NpgsqlConnection main, PgSchema schema, string databasePrefix, CancellationToken ct) => PgOwner.AllAsync(
        main,
        $"""
        select kind, version, refused, count(*) from (
          select o.kind, o.version, exists (
            select 1 from {PgNames.OwnerSchema}.migrations m left join unnest($1::int[], $3::text[]) as known (version, checksum) on known.version = m.version
            where o.kind = 'schema' and m.schema_name = o.name and (m.checksum <> known.checksum or (known.version is null and m.phase <> 'expand'))) as refused
          from ({Own}) o) places
        group by kind, version, refused
        """,
        static row => new PlaceGroup(PlacementOf(row.GetString(0)), row.GetInt32(1), row.GetBoolean(2), row.GetInt64(3)),
        ct,
        schema.Migrations.Select(static step => step.Text.Version).ToArray(),
        databasePrefix,
        schema.Migrations.Select(static step => step.Text.Checksum).ToArray());

    /// <summary>Places that could not be migrated when it was last tried.</summary>
    public static Task<List<(PgPlace Place, string Reason)>> FailuresAsync(NpgsqlConnection main, CancellationToken ct) => PgOwner.AllAsync(
        main,
        $"select place, case when place ~ '^t_[0-9a-f]{"{32}"}$' then 'schema' else 'database' end, reason from {PgNames.OwnerSchema}.failed_migrations order by place limit {FailuresMax}",
        static row => (PgPlace.Named(row.GetString(0), PlacementOf(row.GetString(1))), row.GetString(2)),
        ct);

    public static Task FailedAsync(NpgsqlConnection main, string place, string reason, CancellationToken ct) => PgOwner.RunAsync(
        main,
        $"insert into {PgNames.OwnerSchema}.failed_migrations (place, reason) values ($1, $2) on conflict (place) do update set failed_at = now(), reason = excluded.reason",
        ct,
        place,
        reason);

    public static Task MendedAsync(NpgsqlConnection main, string place, CancellationToken ct) =>
        PgOwner.RunAsync(main, $"delete from {PgNames.OwnerSchema}.failed_migrations where place = $1", ct, place);

    private static Placement PlacementOf(string kind) => kind == "schema" ? Placement.Schema : Placement.Database;
}

/// <param name="Stores">Tenants' own schemas and databases that lack a step.</param>
/// <param name="Failed">Those of them that could not be migrated when it was last tried.</param>
/// <param name="ServersAway">Servers that did not answer, and so were not counted.</param>
internal readonly record struct BehindCount(long Stores, long Failed, int ServersAway = 0)
{
    public static BehindCount operator +(BehindCount one, BehindCount other) => new(one.Stores + other.Stores, one.Failed + other.Failed, one.ServersAway + other.ServersAway);
}

/// <summary>Tenants' own schemas, or databases, that are equally far.</summary>
/// <param name="Refused">Whether this program must not touch them: newer than it, or made by other steps.</param>
internal sealed record PlaceGroup(Placement Placement, int Version, bool Refused, long Count);

/// <summary>A step as it was recorded when it was applied.</summary>
internal sealed record AppliedStep(int Version, string Name, string Phase, string Checksum);

/// <summary>Where one tenant alone lives on a server.</summary>
/// <param name="Name">Of the schema or of the database.</param>
internal sealed record PgPlace(Id<Tenant> Tenant, Placement Placement, string Name)
{
    /// <summary>The place of that name, which ends with the digits of the tenant's id.</summary>
    public static PgPlace Named(string name, Placement placement) =>
        new(new Id<Tenant>(UInt128.Parse(name.AsSpan(name.Length - 32), System.Globalization.NumberStyles.AllowHexSpecifier)), placement, name);
}
