using System.Data;
using Npgsql;

namespace Insula.Storage.Postgres;

/// <summary>
/// Open connections of a source, each lent to one unit of work at a time, the one that came back last first. The driver's
/// own pool goes round all of them, so every statement meets a server process whose plans and pages have left the
/// processor's caches: with 16 connections the server takes 1.7 times the processor time for a step that it takes with one.
/// One that nobody needed for the idle time is closed. A unit that failed gives its connection to the driver, which takes
/// back what was not committed; if the connection is lost, so are those that rest, and they are let go. A gate before it
/// lets in no more at once than the source may open: what rests here is nothing that the driver could hand to who waits there.
/// </summary>
internal sealed class WarmConnections : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Resting> _resting = [];
    private readonly NpgsqlDataSource _source;
    private readonly TimeSpan _idleMax;
    private readonly TimeProvider _time;
    private readonly ITimer _closing;
    private bool _closed;

    /// <param name="source">The connections' own from here on.</param>
    /// <param name="idleMax">How long a connection rests before it is closed; twice that at most.</param>
    public WarmConnections(NpgsqlDataSource source, TimeSpan idleMax, TimeProvider time)
    {
        (_source, _idleMax, _time) = (source, idleMax, time);
        _closing = time.CreateTimer(static warm => ((WarmConnections)warm!).CloseRested(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Connections that are open and lent to nobody.</summary>
    internal int RestingCount
    {
        get
        {
            lock (_lock) return _resting.Count;
        }
    }

    /// <summary>Does the work on a connection. When it returns, nothing may be under way on it: no transaction, no reader.</summary>
    public async Task<T> UseAsync<T>(Func<NpgsqlConnection, ValueTask<T>> work, CancellationToken ct)
    {
        var connection = Take() ?? await _source.OpenConnectionAsync(ct);
        T result;
        try
        {
            result = await work(connection);
        }
        catch
        {
            if (connection.State != ConnectionState.Open) await LetGoAsync(TakeAll());
            await connection.DisposeAsync();
            throw;
        }

        if (!Keep(connection)) await connection.DisposeAsync();
        return result;
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock) _closed = true;
        await _closing.DisposeAsync();
        await LetGoAsync(TakeAll());
        await _source.DisposeAsync();
    }

    /// <summary>The driver's keep-alive finds out about a resting connection that is lost, and closes it.</summary>
    private NpgsqlConnection? Take()
    {
        lock (_lock)
        {
            while (_resting.Count > 0)
            {
                var connection = _resting[^1].Connection;
                _resting.RemoveAt(_resting.Count - 1);
                if (connection.State == ConnectionState.Open) return connection;
            }

            return null;
        }
    }

    private bool Keep(NpgsqlConnection connection)
    {
        lock (_lock)
        {
            if (_closed || connection.State != ConnectionState.Open) return false;
            if (_resting.Count == 0) _closing.Change(_idleMax, Timeout.InfiniteTimeSpan);
            _resting.Add(new Resting(connection, _time.GetTimestamp()));
            return true;
        }
    }

    private List<NpgsqlConnection> TakeAll()
    {
        lock (_lock)
        {
            List<NpgsqlConnection> all = [.. _resting.Select(static resting => resting.Connection)];
            _resting.Clear();
            return all;
        }
    }

    /// <summary>Those that rested longest lie at the bottom.</summary>
    private void CloseRested()
    {
        List<NpgsqlConnection> rested = [];
        lock (_lock)
        {
            var count = _resting.TakeWhile(resting => _time.GetElapsedTime(resting.Since) >= _idleMax).Count();
            rested.AddRange(_resting.Take(count).Select(static resting => resting.Connection));
            _resting.RemoveRange(0, count);
            if (_resting.Count > 0) _closing.Change(_idleMax, Timeout.InfiniteTimeSpan);
        }

        _ = LetGoAsync(rested);
    }

    private static async Task LetGoAsync(List<NpgsqlConnection> connections)
    {
        foreach (var connection in connections) await connection.DisposeAsync();
    }

    private readonly record struct Resting(NpgsqlConnection Connection, long Since);
}
