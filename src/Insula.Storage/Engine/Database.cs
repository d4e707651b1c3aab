namespace Insula.Storage.Engine;

/// <summary>
/// A place that statements run at, as one principal: a SQLite file, or a PostgreSQL database with the tenant (or the
/// platform) set for each transaction. Every store is written against this and against <see cref="Link"/>, once for
/// both engines. A caller that cancels a write learns nothing: it happened whole or not at all.
/// </summary>
internal abstract class Database
{
    /// <summary>Which of the two texts of a statement to take, where the dialects differ.</summary>
    public abstract Dialect Dialect { get; }

    /// <summary>Runs statements that only read. Each sees what was committed when it ran; they share no snapshot. May be called twice.</summary>
    public abstract Task<T> ReadAsync<T>(Func<Link, ValueTask<T>> read, CancellationToken ct);

    /// <summary>Runs <paramref name="work"/> in one transaction; the task ends when it is durable. A throw takes all of it back.</summary>
    public abstract Task<T> WriteAsync<T>(Func<Link, ValueTask<T>> work, CancellationToken ct);

    /// <summary>One change of one statement, durable when the task ends; the number of rows it changed.</summary>
    public abstract Task<int> ChangeAsync(string sql, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values);

    /// <summary>
    /// One change of one statement that answers with a row, or the default; durable when the task ends. Many such changes of
    /// one principal may become durable together.
    /// </summary>
    /// <param name="locks">What the statement locks first: in this order it waits for others that become durable with it.</param>
    public abstract Task<T?> AnswerAsync<T>(string sql, Func<DbDataReader, T> map, string locks, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values);

    /// <summary>A write without an answer.</summary>
    public Task WriteAsync(Func<Link, ValueTask> work, CancellationToken ct) => WriteAsync(
        async link =>
        {
            await work(link);
            return true;
        },
        ct);

    public Task<T?> FirstAsync<T>(string sql, Func<DbDataReader, T> map, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        var given = values.ToArray();
        return ReadAsync(link => link.FirstAsync(sql, map, given), ct);
    }

    public Task<List<T>> AllAsync<T>(string sql, Func<DbDataReader, T> map, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        var given = values.ToArray();
        return ReadAsync(link => link.AllAsync(sql, map, given), ct);
    }
}
