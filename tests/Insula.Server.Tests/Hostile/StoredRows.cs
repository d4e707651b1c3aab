using System.Globalization;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Data.Sqlite;

namespace Insula.Server.Tests.Hostile;

/// <summary>What the files of a data folder hold of one tenant, read beside the running server.</summary>
public static class StoredRows
{
    /// <summary>Every row of the tenant's own file, and every row of the control store that names the tenant.</summary>
    public static IReadOnlyList<string> Of(string dataFolder, string tenant)
    {
        var hex = Id<Tenant>.Parse(tenant).Value.ToString("x32", CultureInfo.InvariantCulture);
        var own = Directory.EnumerateFiles(dataFolder, "tenant.db", SearchOption.AllDirectories).Single(file => file.Contains(hex, StringComparison.Ordinal));
        return [.. Read(own), .. Read(Path.Combine(dataFolder, "control.db")).Where(row => row.Contains(tenant, StringComparison.Ordinal))];
    }

    private static List<string> Read(string file)
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
