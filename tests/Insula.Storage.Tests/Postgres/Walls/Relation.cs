using Npgsql;

namespace Insula.Storage.Tests.Postgres.Walls;

/// <summary>A relation as the catalog tells of it.</summary>
/// <param name="Name">With its schema, quoted.</param>
/// <param name="Key">The column that says whose a row is; null where rows are the platform's.</param>
/// <param name="Uniques">The columns of each unique index over columns, the primary key among them.</param>
internal sealed record Relation(
    string Name, string Plain, char Kind, string? Key, IReadOnlyList<Column> Columns, IReadOnlyList<IReadOnlyList<string>> Uniques, IReadOnlyList<Reference> References)
{
    public bool IsTable => Kind is 'r' or 'p';

    /// <summary>A tenant has one row at most where the tenant is the whole key.</summary>
    public int RowsOf(int most) => Uniques.Any(columns => columns is [var only] && only == Key) ? 1 : most;

    /// <summary>Every relation of a schema that has rows, of whatever kind.</summary>
    public static async Task<List<Relation>> AllAsync(NpgsqlConnection connection, string schema)
    {
        var of = $"'{schema}'::regnamespace";
        var relations = await Sql.AllAsync(
            connection,
            $"select oid::bigint, format('%I.%I', '{schema}', relname), relname, relkind from pg_class where relnamespace = {of} and relkind in ('r', 'p', 'v', 'm', 'f') order by relname",
            static row => (Id: row.GetInt64(0), Name: row.GetString(1), Plain: row.GetString(2), Kind: row.GetChar(3)));
        var columns = (await Sql.AllAsync(
            connection,
            $"""
            select c.oid::bigint, a.attname, format_type(a.atttypid, null), a.attnotnull from pg_attribute a join pg_class c on c.oid = a.attrelid
            where c.relnamespace = {of} and a.attnum > 0 and not a.attisdropped order by a.attnum
            """,
            static row => (Id: row.GetInt64(0), Column: new Column(row.GetString(1), row.GetString(2), row.GetBoolean(3))))).ToLookup(static row => row.Id, static row => row.Column);
        var uniques = (await Sql.AllAsync(
            connection,
            $"select i.indrelid::bigint, {Attributes("i.indkey[0:i.indnkeyatts - 1]", "i.indrelid")} from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace = {of} and i.indisunique and i.indexprs is null order by i.indexrelid",
            static row => (Id: row.GetInt64(0), Columns: (IReadOnlyList<string>)row.GetString(1).Split(',')))).ToLookup(static row => row.Id, static row => row.Columns);
        var references = (await Sql.AllAsync(
            connection,
            $"""
            select k.conrelid::bigint, f.relname, {Attributes("k.conkey", "k.conrelid")}, {Attributes("k.confkey", "k.confrelid")}, k.conname
            from pg_constraint k join pg_class f on f.oid = k.confrelid where k.connamespace = {of} and k.contype = 'f' order by k.oid
            """,
            static row => (Id: row.GetInt64(0), Reference: new Reference(row.GetString(4), row.GetString(1), row.GetString(2).Split(','), row.GetString(3).Split(','))))).ToLookup(static row => row.Id, static row => row.Reference);
        return
        [
            .. relations.Select(relation => new Relation(
                relation.Name,
                relation.Plain,
                relation.Kind,
                columns[relation.Id].Select(static column => column.Name).FirstOrDefault(static name => name is "tenant_id" or "trail"),
                [.. columns[relation.Id]],
                [.. uniques[relation.Id]],
                [.. references[relation.Id]])),
        ];
    }

    private static string Attributes(string numbers, string of) =>
        $"(select coalesce(string_agg(a.attname, ',' order by n), '') from unnest({numbers}) with ordinality u (num, n) join pg_attribute a on a.attrelid = {of} and a.attnum = u.num)";
}

internal sealed record Column(string Name, string Type, bool NotNull);

internal sealed record Reference(string Name, string Target, string[] Columns, string[] TargetColumns);

/// <summary>
/// Rows for any table, by the types of its columns. A value depends on whose row it is and on its number, and is the same
/// on both sides of a reference, so that rows of one number belong together. Nobody's keys are another's.
/// </summary>
internal sealed class RowMaker(IReadOnlyList<Relation> tables, Relation table)
{
    /// <param name="tag">One word for whose it is; it stands in every text.</param>
    /// <param name="changed">Other literals for some columns.</param>
    public string Insert(string tenant, string tag, int number, IReadOnlyDictionary<string, string>? changed = null) =>
        $"insert into {table.Name} ({string.Join(", ", table.Columns.Select(static column => column.Name))}) values ({string.Join(", ", Values(tenant, tag, number, changed))})";

    /// <summary>The columns' literals, in order.</summary>
    public IEnumerable<string> Values(string tenant, string tag, int number, IReadOnlyDictionary<string, string>? changed = null) =>
        table.Columns.Select(column => changed?.GetValueOrDefault(column.Name) ?? Literal(column, tenant, tag, number));

    public string Literal(Column column, string tenant, string tag, int number)
    {
        if (column.Name == table.Key) return $"'{tenant}'";
        var (root, name) = Root(table, column.Name);
        if (tag == "b") number += 100;
        return column.Type switch
        {
            "text" => $"'{tag}-{root.Plain}-{name}-{number}'",
            "bigint" or "integer" or "double precision" => $"{number}",
            "boolean" => number % 2 == 0 ? "true" : "false",
            "bytea" => $@"'\x{number:x2}'",
            _ => throw new NotSupportedException($"{table.Name}.{column.Name} is a {column.Type}: teach {nameof(RowMaker)} to make one, so that the walls around this table are tested."),
        };
    }

    private (Relation Table, string Column) Root(Relation from, string column)
    {
        foreach (var reference in from.References)
        {
            var at = Array.IndexOf(reference.Columns, column);
            if (at < 0) continue;
            var target = tables.Single(other => other.Plain == reference.Target);
            return target == from && reference.TargetColumns[at] == column ? (from, column) : Root(target, reference.TargetColumns[at]);
        }

        return (from, column);
    }
}
