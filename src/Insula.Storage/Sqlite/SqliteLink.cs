using Insula.Storage.Engine;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Insula.Storage.Sqlite;

/// <summary>
/// One connection with its prepared statements. A statement is a constant text of the Statements folder, so the cache is
/// bounded by the program's own text; values travel only as parameters. Not safe for two callers at once: the writer
/// thread or one holder of a read link owns it.
/// </summary>
internal sealed class SqliteLink : Link, IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _prepared = new(StringComparer.Ordinal);

    private SqliteLink(SqliteConnection connection) => _connection = connection;

    public override Dialect Dialect => Dialect.Sqlite;

    /// <summary>Whether the engine is outside a transaction: true too after it rolled one back by itself.</summary>
    public bool IsAutocommit => raw.sqlite3_get_autocommit(_connection.Handle!) != 0;

    /// <summary>Opens an existing file. <paramref name="path"/> is made by <see cref="DataFolder"/>, never by a caller's text.</summary>
    public static SqliteLink Open(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = 5,
        }.ConnectionString);
        try
        {
            connection.Open();
            var link = new SqliteLink(connection);
            // trusted_schema: a function in a planted schema must not run with our rights.
            link.Script("pragma busy_timeout = 5000; pragma foreign_keys = on; pragma trusted_schema = off; pragma temp_store = memory; pragma cache_size = -512;");
            return link;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public static SqliteLink OpenReader(string path)
    {
        var link = Open(path);
        link.Script("pragma query_only = on;");
        return link;
    }

    /// <summary>While on, closing leaves the write-ahead log as it is, so that looking at a file does not change it.</summary>
    public void KeepLogOnClose(bool on)
    {
        const int noCheckpointOnClose = 1006;
        _ = raw.sqlite3_db_config(_connection.Handle!, noCheckpointOnClose, on ? 1 : 0, out _);
    }

    /// <summary>Runs statements without values that are used once: pragmas and migrations.</summary>
    public void Script(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    // The engine answers on this thread: what the stores await is there already.
    public override ValueTask<int> RunAsync(string sql, params ReadOnlySpan<(string Name, object? Value)> values) => new(Run(sql, values));

    public override void Post(string sql, params ReadOnlySpan<(string Name, object? Value)> values) => Run(sql, values);

    public override ValueTask<T?> FirstAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default => new(First(sql, map, values));

    // The file has one writer, so nobody else changes anything before the unit ends.
    public override ValueTask<T?> LockAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default => new(First(sql, map, values));

    public override ValueTask<T?> LastAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default => new(First(sql, map, values));

    public override ValueTask<List<T>> AllAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values) => new(All(sql, map, values));

    public override void Alone(string thing)
    {
        // The file's writer is alone anyway.
    }

    /// <summary>Runs a change; the number of rows it changed.</summary>
    public int Run(string sql, params ReadOnlySpan<(string Name, object? Value)> values) => Bind(sql, values).ExecuteNonQuery();

    /// <summary>The first row, or the default when there is none.</summary>
    public T? First<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        using var reader = Bind(sql, values).ExecuteReader();
        return reader.Read() ? map(reader) : default;
    }

    public List<T> All<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        using var reader = Bind(sql, values).ExecuteReader();
        List<T> rows = [];
        while (reader.Read()) rows.Add(map(reader));
        return rows;
    }

    public long Number(string sql, params ReadOnlySpan<(string Name, object? Value)> values) => First(sql, static row => row.GetInt64(0), values);

    public void Dispose()
    {
        foreach (var command in _prepared.Values) command.Dispose();
        _connection.Dispose();
    }

    private SqliteCommand Bind(string sql, ReadOnlySpan<(string Name, object? Value)> values)
    {
        if (!_prepared.TryGetValue(sql, out var command)) _prepared.Add(sql, command = Prepare(sql, values));
        if (command.Parameters.Count != values.Length) throw new ArgumentException("A statement takes the same values every time.", nameof(values));
        for (var i = 0; i < values.Length; i++)
        {
            var parameter = command.Parameters[i];
            if (!string.Equals(parameter.ParameterName, values[i].Name, StringComparison.Ordinal))
                throw new ArgumentException($"A statement takes its values in one order; '{values[i].Name}' stands where '{parameter.ParameterName}' did.", nameof(values));
            Values.RefuseUnstorable(parameter.ParameterName, values[i].Value);
            parameter.Value = values[i].Value is null or Null ? DBNull.Value : values[i].Value;
        }

        return command;
    }

    private SqliteCommand Prepare(string sql, ReadOnlySpan<(string Name, object? Value)> values)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, _) in values) command.Parameters.AddWithValue(name, DBNull.Value);
        command.Prepare();
        return command;
    }
}
