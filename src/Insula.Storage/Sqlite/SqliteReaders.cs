using Insula.Tenancy.Faults;
using Microsoft.Data.Sqlite;

namespace Insula.Storage.Sqlite;

/// <summary>
/// At most two read connections of a file, opened when first needed. A read runs on its caller's thread: it takes
/// microseconds from the page cache, and every statement is bounded by a page of rows or one source's text.
/// </summary>
internal sealed class SqliteReaders(string path, string what) : IAsyncDisposable
{
    private const int LinksMax = 2;

    private readonly SemaphoreSlim _free = new(LinksMax);
    private readonly Stack<SqliteLink> _links = new(LinksMax);
    private bool _closed;

    public async Task<T> ReadAsync<T>(Func<SqliteLink, T> read, CancellationToken ct)
    {
        await _free.WaitAsync(ct);
        try
        {
            var link = Take();
            try
            {
                return read(link);
            }
            finally
            {
                lock (_links) _links.Push(link);
            }
        }
        catch (SqliteException error)
        {
            throw SqliteFaults.Map(error, what);
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>Waits for reads under way and closes the connections; later reads are refused.</summary>
    public async ValueTask DisposeAsync()
    {
        for (var i = 0; i < LinksMax; i++) await _free.WaitAsync(CancellationToken.None);
        lock (_links)
        {
            _closed = true;
            foreach (var link in _links) link.Dispose();
            _links.Clear();
        }

        _free.Release(LinksMax);
    }

    private SqliteLink Take()
    {
        lock (_links)
        {
            if (_closed) throw new FaultException(SqliteFaults.Closed(what));
            if (_links.TryPop(out var link)) return link;
        }

        return SqliteLink.OpenReader(path);
    }
}
