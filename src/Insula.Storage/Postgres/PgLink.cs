using Insula.Storage.Engine;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// One unit of work on one connection, and the only code that says for whom a connection acts. The settings travel in the
/// same batch as the first statement, so they cost no trip; they are local to the transaction, so nobody who gets the
/// connection later inherits them; and every transaction gives all of them, so what somebody may have left on a connection
/// counts for nothing. That is why a connection goes from one unit to the next without being reset. A batch that is whole by itself needs no BEGIN: PostgreSQL runs everything up to one
/// Sync message as one transaction. A write that needs more trips says BEGIN and COMMIT inside its batches.
/// </summary>
internal sealed class PgLink(NpgsqlConnection connection, PgScope scope, bool writes, CancellationToken ct) : Link
{
    private const string Settings = "select set_config('insula.tenant', $1, true), set_config('insula.platform', $2, true), set_config('role', $3, true), set_config('search_path', $4, true)";

    // The server too refuses a read that changes something, whichever way it was said.
    private const string ReadSettings = $"{Settings}, set_config('transaction_read_only', 'on', true)";
    private const string Exclusive = "select pg_advisory_xact_lock(hashtextextended($1, 0))";

    private readonly List<NpgsqlBatchCommand> _queued = [];
    private int _rowSets;
    private bool _begun;
    private bool _ended;

    public override Dialect Dialect => Dialect.Postgres;

    public override ValueTask<int> RunAsync(string sql, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        RefuseWriteInRead();
        Queue(PgText.Of(sql, values).Sql, values);
        return CountAsync();
    }

    public override void Post(string sql, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        RefuseWriteInRead();
        Queue(PgText.Of(sql, values).Sql, values);
    }

    public override ValueTask<T?> FirstAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default
    {
        Queue(PgText.Of(sql, values).Sql, values);
        return ReadFirstAsync(map);
    }

    public override ValueTask<T?> LockAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default
    {
        RefuseWriteInRead();
        Queue($"{PgText.Of(sql, values).Sql} for update", values);
        return ReadFirstAsync(map);
    }

    public override ValueTask<T?> LastAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default
    {
        Queue(PgText.Of(sql, values).Sql, values);
        return ReadFirstAsync(map, last: true);
    }

    public override ValueTask<List<T>> AllAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        Queue(PgText.Of(sql, values).Sql, values);
        return ReadAllAsync(map);
    }

    public override void Alone(string thing)
    {
        RefuseWriteInRead();
        Queue(Exclusive, [("@thing", thing)]);
        _rowSets++;
    }

    /// <summary>Sends what is queued, and makes the unit durable. Called once, when the unit has done its work.</summary>
    public async ValueTask CommitAsync()
    {
        if (_ended && _queued.Count > 0) throw new InvalidOperationException("A statement came after the unit's last one.");
        if (_ended || (!_begun && _queued.Count == 0)) return;
        if (_begun) _queued.Add(new NpgsqlBatchCommand("commit"));
        await using var batch = Batch(whole: true);
        await batch.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The one statement of a unit, as a transaction of its own.</summary>
    public async ValueTask<int> ChangeAsync(string sql, (string Name, object? Value)[] values)
    {
        Queue(PgText.Of(sql, values).Sql, values);
        var last = _queued[^1];
        await using var batch = Batch(whole: true);
        await batch.ExecuteNonQueryAsync(ct);
        return (int)last.RecordsAffected;
    }

    private async ValueTask<int> CountAsync()
    {
        var last = _queued[^1];
        await using var batch = Batch(whole: false);
        _rowSets = 0;
        await batch.ExecuteNonQueryAsync(ct);
        return (int)last.RecordsAffected;
    }

    private async ValueTask<T?> ReadFirstAsync<T>(Func<DbDataReader, T> map, bool last = false)
    {
        if (last && _begun) _queued.Add(new NpgsqlBatchCommand("commit"));
        await using var batch = Batch(whole: last);
        await using var reader = await AtLastAsync(batch);
        var first = await reader.ReadAsync(ct) ? map(reader) : default;
        if (!last) return first;

        // To the end, where a commit that failed says so.
        while (await reader.NextResultAsync(ct))
        {
        }

        _ended = true;
        return first;
    }

    private async ValueTask<List<T>> ReadAllAsync<T>(Func<DbDataReader, T> map)
    {
        await using var batch = Batch(whole: false);
        await using var reader = await AtLastAsync(batch);
        List<T> rows = [];
        while (await reader.ReadAsync(ct)) rows.Add(map(reader));
        return rows;
    }

    /// <summary>Passes over the row sets of the settings and of what was posted.</summary>
    private async ValueTask<NpgsqlDataReader> AtLastAsync(NpgsqlBatch batch)
    {
        var before = _rowSets;
        _rowSets = 0;
        var reader = await batch.ExecuteReaderAsync(ct);
        for (var i = 0; i < before; i++) await reader.NextResultAsync(ct);
        return reader;
    }

    /// <param name="whole">Whether nothing of this unit comes after.</param>
    private NpgsqlBatch Batch(bool whole)
    {
        var batch = connection.CreateBatch();
        if (!_begun)
        {
            if (writes && !whole)
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand("begin"));
                _begun = true;
            }

            batch.BatchCommands.Add(SetScope(scope, writes));
            _rowSets++;
        }

        foreach (var command in _queued) batch.BatchCommands.Add(command);
        _queued.Clear();
        return batch;
    }

    /// <summary>The statement that says for whom the transaction acts.</summary>
    public static NpgsqlBatchCommand SetScope(PgScope scope, bool writes)
    {
        var command = new NpgsqlBatchCommand(writes ? Settings : ReadSettings);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = scope.Tenant });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = scope.Platform ? "on" : "" });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = scope.Role });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = scope.SearchPath });
        return command;
    }

    /// <summary>A statement in PostgreSQL's own words with its values.</summary>
    public static NpgsqlBatchCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var (name, value) in values)
        {
            Values.RefuseUnstorable(name, value);
            command.Parameters.Add(Parameter(name, value));
        }

        return command;
    }

    private void Queue(string sql, ReadOnlySpan<(string Name, object? Value)> values) => _queued.Add(Command(sql, values));

    // Each value has one type for a statement, null or not, or the server would prepare the statement for each mix of them.
    private static NpgsqlParameter Parameter(string name, object? value) => value switch
    {
        null => new NpgsqlParameter<string?> { TypedValue = null },
        string text => new NpgsqlParameter<string> { TypedValue = text },
        long number => new NpgsqlParameter<long> { TypedValue = number },
        int number => new NpgsqlParameter<int> { TypedValue = number },
        bool flag => new NpgsqlParameter<bool> { TypedValue = flag },
        double number => new NpgsqlParameter<double> { TypedValue = number },
        string[] texts => new NpgsqlParameter<string[]> { TypedValue = texts },
        long[] numbers => new NpgsqlParameter<long[]> { TypedValue = numbers },
        long?[] numbers => new NpgsqlParameter<long?[]> { TypedValue = numbers },
        byte[] bytes => new NpgsqlParameter<byte[]> { TypedValue = bytes },
        Null.Long => new NpgsqlParameter<long?> { TypedValue = null },
        Null.Int => new NpgsqlParameter<int?> { TypedValue = null },
        _ => throw new ArgumentException($"{name} is a {value.GetType().Name}; a parameter is a text, a number, a flag, bytes, or several texts or numbers.", nameof(value)),
    };

    private void RefuseWriteInRead()
    {
        if (!writes) throw new InvalidOperationException("A read changes nothing: use WriteAsync.");
    }
}
