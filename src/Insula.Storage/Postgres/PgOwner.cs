using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>Statements of the owner: what makes schemas, roles and databases. Nothing of a request comes here.</summary>
internal static class PgOwner
{
    /// <summary>Runs a text; with values it must be one statement.</summary>
    public static async Task RunAsync(NpgsqlConnection owner, string sql, CancellationToken ct, params object[] values)
    {
        await using var command = Command(owner, sql, values);
        await command.ExecuteNonQueryAsync(ct);
    }

    public static async Task<T?> FirstAsync<T>(NpgsqlConnection owner, string sql, CancellationToken ct, params object[] values)
    {
        await using var command = Command(owner, sql, values);
        return await command.ExecuteScalarAsync(ct) is T found ? found : default;
    }

    public static async Task<List<T>> AllAsync<T>(NpgsqlConnection owner, string sql, Func<DbDataReader, T> map, CancellationToken ct, params object[] values)
    {
        await using var command = Command(owner, sql, values);
        await using var reader = await command.ExecuteReaderAsync(ct);
        List<T> rows = [];
        while (await reader.ReadAsync(ct)) rows.Add(map(reader));
        return rows;
    }

    private static NpgsqlCommand Command(NpgsqlConnection owner, string sql, object[] values)
    {
        var command = new NpgsqlCommand(sql, owner);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}
