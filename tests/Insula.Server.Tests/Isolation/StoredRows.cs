using System.Globalization;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Insula.TestKit.Postgres;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Insula.Server.Tests.Isolation;

/// <summary>What is stored of one tenant, row by row, read beside the running server and below all of its walls.</summary>
public static class StoredRows
{
    /// <summary>Every row of the tenant's own file, and every row of the control store that names the tenant.</summary>
    public static IReadOnlyList<string> OfFolder(string dataFolder, string tenant)
    {
        var own = Directory.EnumerateFiles(dataFolder, "tenant.db", SearchOption.AllDirectories).Single(file => file.Contains(Hex(tenant), StringComparison.Ordinal));
        return [.. ReadFile(own), .. ReadFile(Path.Combine(dataFolder, "control.db")).Where(row => row.Contains(tenant, StringComparison.Ordinal))];
    }

    /// <summary>
    /// Every row of the tenant's own schema or database, and every row of any other table that names the tenant, as the
    /// superuser, whom no policy holds. The tables come from the catalog.
    /// </summary>
    public static async Task<IReadOnlyList<string>> OfDatabaseAsync(TestDatabase database, string tenant, CancellationToken ct)
    {
        List<string> rows = [];
        await using var main = await OpenAsync(database.SuperuserConnectionString, ct);
        foreach (var table in await TablesAsync(main, ct))
        {
            var own = table.StartsWith($"t_{Hex(tenant)}.", StringComparison.Ordinal);
            rows.AddRange(await ReadTableAsync(main, table, own ? "" : tenant, ct));
        }

        var name = $"{database.Database}_t_{Hex(tenant)}";
        if (await ReadAsync(main, "select 1::text from pg_database where datname = $1", ct, name) is []) return rows;
        await using var its = await OpenAsync(new NpgsqlConnectionStringBuilder(database.SuperuserConnectionString) { Database = name }.ConnectionString, ct);
        foreach (var table in await TablesAsync(its, ct)) rows.AddRange(await ReadTableAsync(its, table, "", ct));
        return rows;
    }

    private static string Hex(string tenant) => Id<Tenant>.Parse(tenant).Value.ToString("x32", CultureInfo.InvariantCulture);

    private static async Task<NpgsqlConnection> OpenAsync(string address, CancellationToken ct)
    {
        var connection = new NpgsqlConnection(address + ";Pooling=false");
        await connection.OpenAsync(ct);
        return connection;
    }

    private static Task<List<string>> TablesAsync(NpgsqlConnection connection, CancellationToken ct) => ReadAsync(
        connection,
        """
        select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1
        """,
        ct);

    private static async Task<IEnumerable<string>> ReadTableAsync(NpgsqlConnection connection, string table, string naming, CancellationToken ct)
    {
        var rows = await ReadAsync(connection, $"select r::text from {table} r where strpos(r::text, $1) > 0 or $1 = ''", ct, naming);
        return rows.Select(row => $"{table}: {row}").Order(StringComparer.Ordinal);
    }

    private static async Task<List<string>> ReadAsync(NpgsqlConnection connection, string sql, CancellationToken ct, params string[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = value });
        await using var reader = await command.ExecuteReaderAsync(ct);
        List<string> rows = [];
        while (await reader.ReadAsync(ct)) rows.Add(reader.GetString(0));
        return rows;
    }

    private static List<string> ReadFile(string file)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        List<string> rows = [];
        foreach (var table in Query(connection, "select name from sqlite_master where type = 'table' order by name"))
        {
            rows.AddRange(Query(connection, $"select * from \"{table}\"").Select(row => $"{table}: {row}").Order(StringComparer.Ordinal));
        }

        return rows;
    }

    private static List<string> Query(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        List<string> rows = [];
        while (reader.Read())
        {
            var values = Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i) is byte[] bytes ? Convert.ToHexString(bytes) : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture));
            rows.Add(string.Join('|', values));
        }

        return rows;
    }
}
