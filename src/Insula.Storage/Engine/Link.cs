namespace Insula.Storage.Engine;

/// <summary>
/// What a unit of work says to its engine. A statement is a constant text of the Statements folder; values travel only as
/// parameters, by name and in one order. For one caller at a time, and only inside the unit that it was given to.
/// </summary>
internal abstract class Link
{
    /// <summary>Which of the two texts of a statement to take, where the dialects differ.</summary>
    public abstract Dialect Dialect { get; }

    /// <summary>Runs a change; the number of rows it changed.</summary>
    public abstract ValueTask<int> RunAsync(string sql, params ReadOnlySpan<(string Name, object? Value)> values);

    /// <summary>
    /// Runs a change whose count nobody asks for. It may travel with the next statement or with the commit, and then fails
    /// there: over a network a unit costs one trip for each statement that it waits for, not for each that it makes.
    /// </summary>
    public abstract void Post(string sql, params ReadOnlySpan<(string Name, object? Value)> values);

    /// <summary>The first row, or the default when there is none.</summary>
    public abstract ValueTask<T?> FirstAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values);

    /// <summary>As <see cref="FirstAsync"/>; no other writer changes the row before this unit ends. For a select from one table.</summary>
    public abstract ValueTask<T?> LockAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values);

    /// <summary>As <see cref="FirstAsync"/>, for the last statement of a unit, which then needs no trip of its own for the commit.</summary>
    public abstract ValueTask<T?> LastAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values);

    public abstract ValueTask<List<T>> AllAsync<T>(string sql, Func<DbDataReader, T> map, params ReadOnlySpan<(string Name, object? Value)> values);

    /// <summary>Lets no other unit that names the same thing run before this one ends: for a rule over several rows.</summary>
    public abstract void Alone(string thing);
}

internal enum Dialect
{
    Sqlite,
    Postgres,
}
