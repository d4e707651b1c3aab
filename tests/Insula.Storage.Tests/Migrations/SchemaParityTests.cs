using Insula.Storage.Postgres;
using Insula.Storage.Sqlite;
using Insula.Storage.Tests.Postgres;
using Insula.TestKit;
using Insula.TestKit.Postgres;

namespace Insula.Storage.Tests.Migrations;

/// <summary>One text for each statement on both engines, and a move that is a copy, need the same tables on both.</summary>
public sealed class SchemaParityTests(SharedPostgres shared)
{
    /// <summary>What one engine has and the other has not, and why. A line that stands for nothing any more fails the test.</summary>
    private static readonly Dictionary<string, string> Exceptions = new(StringComparer.Ordinal)
    {
        ["sqlite: table run_queue_clock"] = "PostgreSQL takes marks from the sequence run_queue_marks, on which writers do not wait for each other",
        ["sqlite: run_queue_clock.id integer not null"] = "as above",
        ["sqlite: run_queue_clock.mark bigint not null"] = "as above",
        ["sqlite: run_queue_clock primary key (id)"] = "as above",
        ["sqlite: table schema_migrations"] = "PostgreSQL keeps one journal for all schemas, in the owner's, out of the runtime role's reach",
        ["sqlite: schema_migrations.version integer not null"] = "as above",
        ["sqlite: schema_migrations.name text not null"] = "as above",
        ["sqlite: schema_migrations.checksum text not null"] = "as above",
        ["sqlite: schema_migrations.applied_at integer not null"] = "as above",
        ["sqlite: schema_migrations primary key (version)"] = "as above",
        ["postgres: sequence run_queue_marks"] = "see run_queue_clock",
        ["postgres: table run_shares"] = "a data folder has one node, which keeps the order of turns in memory (FairOrder)",
        ["postgres: run_shares.tenant_id text not null"] = "as above",
        ["postgres: run_shares.concurrent integer not null"] = "as above",
        ["postgres: run_shares.weight double precision not null"] = "as above",
        ["postgres: run_shares.minimum integer not null"] = "as above",
        ["postgres: run_shares.pass double precision not null"] = "as above",
        ["postgres: run_shares.start_pass double precision not null"] = "as above",
        ["postgres: run_shares.cost double precision not null"] = "as above",
        ["postgres: run_shares.contests integer not null"] = "as above",
        ["postgres: run_shares primary key (tenant_id)"] = "as above",
        ["postgres: run_shares index (start_pass)"] = "as above",
        ["postgres: run_queue.charged double precision"] = "as above",
        ["postgres: run_queue index (tenant_id) partial"] = "counts a tenant's leases over all nodes",
    };

    /// <summary>Tables, columns with their logical types, keys and indexes. SQLite has no flags: they are its integers 0 and 1.</summary>
    private const string OnSqlite =
        """
        with tables as (select name from sqlite_schema where type = 'table' and name not like 'sqlite\_%' escape '\')
        select 'table ' || name from tables
        union all
        select t.name || '.' || c.name || ' ' || lower(c.type) || iif(c."notnull" or c.pk > 0, ' not null', '') from tables t, pragma_table_info(t.name) c
        union all
        select t.name || ' primary key (' || group_concat(c.name, ', ' order by c.pk) || ')' from tables t, pragma_table_info(t.name) c where c.pk > 0 group by t.name
        union all
        select name || ' foreign key (' || group_concat("from", ', ' order by seq) || ') references ' || "table" || ' (' || group_concat("to", ', ' order by seq) || ') on delete ' || lower(on_delete)
        from (select t.name, f.* from tables t, pragma_foreign_key_list(t.name) f) group by name, id
        union all
        select name || iif("unique", ' unique (', ' index (') || group_concat(part, ', ' order by seqno) || ')' || iif(partial, ' partial', '')
        from (select t.name, i.name as index_name, i."unique", i.partial, p.seqno, p.name as part from tables t, pragma_index_list(t.name) i, pragma_index_info(i.name) p where i.origin <> 'pk')
        group by name, index_name
        """;

    private const string OnPostgres =
        """
        with tables as (select oid, relname::text as name from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p'))
        select 'table ' || name from tables
        union all
        select 'sequence ' || relname from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'S'
        union all
        select t.name || '.' || a.attname || ' ' || case format_type(a.atttypid, a.atttypmod) when 'bytea' then 'blob' when 'boolean' then 'integer' else format_type(a.atttypid, a.atttypmod) end || case when a.attnotnull then ' not null' else '' end
        from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
        union all
        select t.name || ' primary key (' || (select string_agg(a.attname, ', ' order by k.place) from unnest(c.conkey) with ordinality k (number, place) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number) || ')'
        from tables t join pg_constraint c on c.conrelid = t.oid and c.contype = 'p'
        union all
        select t.name || ' foreign key (' || (select string_agg(a.attname, ', ' order by k.place) from unnest(c.conkey) with ordinality k (number, place) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number)
          || ') references ' || c.confrelid::regclass || ' (' || (select string_agg(a.attname, ', ' order by k.place) from unnest(c.confkey) with ordinality k (number, place) join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number)
          || ') on delete ' || case c.confdeltype when 'c' then 'cascade' when 'a' then 'no action' else c.confdeltype::text end
        from tables t join pg_constraint c on c.conrelid = t.oid and c.contype = 'f'
        union all
        select t.name || case when i.indisunique then ' unique (' else ' index (' end || (select string_agg(a.attname, ', ' order by k.place) from unnest(i.indkey::int2[]) with ordinality k (number, place) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number)
          || ')' || case when i.indpred is not null then ' partial' else '' end
        from tables t join pg_index i on i.indrelid = t.oid and not i.indisprimary
        """;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Both_engines_have_the_same_tables()
    {
        await using var home = await new PostgresHome(shared).OpenAsync();
        await using var outside = await Outside.OpenAsync(home.Database);
        List<string> differences = [];
        foreach (var (sqlite, postgres, least) in ((Schema, string, int)[])[(Schema.Control, PgNames.ControlSchema, 60), (Schema.Tenant, PgNames.TenantsSchema, 90)])
        {
            var here = await OfSqliteAsync(sqlite);
            await outside.RunAsync($"set search_path = {postgres}");
            var there = await outside.ColumnAsync(OnPostgres);
            Assert.True(there.Count >= least, $"{there.Count} facts about {postgres} are too few to be all");
            differences.AddRange(here.Except(there, StringComparer.Ordinal).Select(static fact => $"sqlite: {fact}"));
            differences.AddRange(there.Except(here, StringComparer.Ordinal).Select(static fact => $"postgres: {fact}"));
        }

        Assert.Empty(differences.Except(Exceptions.Keys, StringComparer.Ordinal));
        Assert.Empty(Exceptions.Keys.Except(differences, StringComparer.Ordinal));
    }

    private static async Task<List<string>> OfSqliteAsync(Schema schema)
    {
        using var folder = new TempFolder();
        using var threads = new DiskThreads(1);
        await using var file = SqliteFile.Open(Path.Combine(folder.Path, "made.db"), schema, threads, TimeProvider.System);
        return await file.ReadAsync(static link => link.All(OnSqlite, static row => row.GetString(0)), Ct);
    }
}
