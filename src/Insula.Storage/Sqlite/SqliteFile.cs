using Insula.Storage.Engine;
using Insula.Tenancy.Faults;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.Sqlite;

/// <summary>
/// An open database file: one writer with group commit and up to two readers. Opening checks the header before the
/// engine sees the file, makes a missing file whole under another name first, and brings an older one up to date. A file
/// that is damaged, foreign or newer than this program is refused and left byte for byte as it was.
/// </summary>
internal sealed class SqliteFile : Database, IAsyncDisposable
{
    private readonly SqliteReaders _readers;
    private readonly SqliteWriter _writer;

    private SqliteFile(string path, SqliteLink link, DiskThreads threads, string what)
    {
        _readers = new(path, what);
        _writer = new(link, threads, what);
    }

    public long Commits => _writer.Commits;

    public Fault? Failure => _writer.Failure;

    /// <summary>Opens <paramref name="path"/>, whose folder exists. Blocks on the disk.</summary>
    public static SqliteFile Open(string path, Schema schema, DiskThreads threads, TimeProvider time)
    {
        try
        {
            if (!FileHeader.Check(path, schema)) Create(path, schema, time);
            return new(path, OpenWriter(path, schema, time), threads, schema.Name);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(SqliteFaults.Unreadable(schema.Name, $"{path}: {error.Message}"), error);
        }
        catch (SqliteException error)
        {
            throw SqliteFaults.Map(error, schema.Name);
        }
    }

    public override Dialect Dialect => Dialect.Sqlite;

    public override Task<T> ReadAsync<T>(Func<Link, ValueTask<T>> read, CancellationToken ct) => _readers.ReadAsync(link => Answer(read(link)), ct);

    public override Task<T> WriteAsync<T>(Func<Link, ValueTask<T>> work, CancellationToken ct) => _writer.WriteAsync(link => Answer(work(link)), ct);

    public override Task<int> ChangeAsync(string sql, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        var given = values.ToArray();
        return _writer.WriteAsync(link => link.Run(sql, given), ct);
    }

    // The writer puts whatever waits for it into one commit.
    public override Task<T?> AnswerAsync<T>(string sql, Func<DbDataReader, T> map, string locks, CancellationToken ct, params ReadOnlySpan<(string Name, object? Value)> values)
        where T : default
    {
        var given = values.ToArray();
        return _writer.WriteAsync(link => link.First(sql, map, given), ct);
    }

    /// <summary>What only this engine can do, said to it directly.</summary>
    public Task<T> ReadAsync<T>(Func<SqliteLink, T> read, CancellationToken ct) => _readers.ReadAsync(read, ct);

    /// <inheritdoc cref="ReadAsync{T}(Func{SqliteLink, T}, CancellationToken)"/>
    public Task<T> WriteAsync<T>(Func<SqliteLink, T> work, CancellationToken ct) => _writer.WriteAsync(work, ct);

    /// <summary>Finishes queued writes, folds the log into the file and closes every descriptor.</summary>
    public async ValueTask DisposeAsync()
    {
        await _readers.DisposeAsync();
        await _writer.CloseAsync();
    }

    /// <summary>A unit may wait for its link only, and this engine's link has always answered.</summary>
    private static T Answer<T>(ValueTask<T> unit) => unit.IsCompleted
        ? unit.GetAwaiter().GetResult()
        : throw new InvalidOperationException("A unit of work waited for something other than its link.");

    /// <summary>
    /// Makes the file under another name and renames it: so a file of the right name is always whole, and its header
    /// always says what it is. A draft needs no journal, because a crash leaves nothing of it that anybody would open;
    /// one flush before the rename makes it durable.
    /// </summary>
    private static void Create(string path, Schema schema, TimeProvider time)
    {
        var draft = path + ".new";
        foreach (var file in (ReadOnlySpan<string>)[draft, draft + "-wal", draft + "-shm"]) File.Delete(file);
        Folder.CreateFile(draft, FileMode.CreateNew).Dispose();
        using (var link = SqliteLink.Open(draft))
        {
            link.Script("pragma journal_mode = off; pragma synchronous = off;");
            Migrator.Apply(link, schema, time);
            link.Script("pragma journal_mode = wal;");
        }

        using (var file = File.OpenHandle(draft, FileMode.Open, FileAccess.ReadWrite)) RandomAccess.FlushToDisk(file);
        File.Move(draft, path);
        Folder.Flush(Path.GetDirectoryName(path)!);
    }

    private static SqliteLink OpenWriter(string path, Schema schema, TimeProvider time)
    {
        var link = SqliteLink.Open(path);
        try
        {
            // The log may hold a newer header than the file. Until that is known to be ours, closing must change nothing.
            link.KeepLogOnClose(true);
            Migrator.Verify(link, schema);
            link.KeepLogOnClose(false);
            link.Script("pragma synchronous = full;");
            if (Migrator.Apply(link, schema, time)) link.Script("pragma wal_checkpoint(truncate);");
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }
}
