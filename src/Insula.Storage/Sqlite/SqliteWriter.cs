using System.Threading.Channels;
using Insula.Tenancy.Faults;

namespace Insula.Storage.Sqlite;

/// <summary>
/// The one writer of a file, with group commit: whatever queued while the disk was busy becomes one transaction and one
/// flush. Each unit runs in a savepoint, so one that fails takes back only its own rows; nobody is answered before the
/// commit is on disk, and when the commit fails everybody in the batch hears it. Between writes it owns no thread and no
/// timer. After a write or flush that the disk refused the file takes no more writes until it is opened anew.
/// </summary>
internal sealed class SqliteWriter(SqliteLink link, DiskThreads threads, string what)
{
    public const int BatchMax = 256;
    private const int QueueMax = 1024;

    private readonly Channel<WriteUnit> _queue = Channel.CreateBounded<WriteUnit>(new BoundedChannelOptions(QueueMax)
    {
        SingleReader = true,
        FullMode = BoundedChannelFullMode.Wait,
    });

    private readonly List<WriteUnit> _batch = [];
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _scheduled;
    private volatile bool _closing;
    private long _commits;

    /// <summary>Transactions committed, for the test that many writes share one.</summary>
    public long Commits => Interlocked.Read(ref _commits);

    /// <summary>Why the file takes no more writes; null while it does. Written by the disk thread only.</summary>
    public Fault? Failure { get; private set; }

    /// <summary>Runs <paramref name="work"/> in a transaction; the task ends when it is on disk. Cancelled, it happened whole or not at all.</summary>
    public async Task<T> WriteAsync<T>(Func<SqliteLink, T> work, CancellationToken ct)
    {
        var unit = new WriteUnit<T>(work, ct);
        try
        {
            await _queue.Writer.WriteAsync(unit, ct);
        }
        catch (ChannelClosedException)
        {
            throw new FaultException(SqliteFaults.Closed(what));
        }

        Schedule();
        return await unit.Task;
    }

    /// <summary>Takes no more work, finishes what is queued, and closes the connection.</summary>
    public Task CloseAsync()
    {
        _queue.Writer.TryComplete();
        _closing = true;
        Schedule();
        return _closed.Task;
    }

    private void Drain()
    {
        while (_batch.Count < BatchMax && _queue.Reader.TryRead(out var unit)) _batch.Add(unit);
        if (_batch.Count > 0) Settle();
        _batch.Clear();

        if (_closing && _queue.Reader.Completion.IsCompleted)
        {
            // Stays scheduled, so nothing runs on the closed connection.
            Close();
            return;
        }

        Interlocked.Exchange(ref _scheduled, 0);
        if (_queue.Reader.Count > 0 || _closing) Schedule();
    }

    private void Schedule()
    {
        if (Interlocked.Exchange(ref _scheduled, 1) == 0) threads.Post(Drain);
    }

    private void Settle()
    {
        if (Failure is { } failure)
        {
            foreach (var unit in _batch) unit.Fail(new FaultException(failure));
            return;
        }

        var failed = new Exception?[_batch.Count];
        try
        {
            Commit(failed);
        }
        catch (Exception error)
        {
            Abandon(error);
            return;
        }

        for (var i = 0; i < _batch.Count; i++)
        {
            if (failed[i] is OperationCanceledException) _batch[i].Cancel();
            else if (failed[i] is { } error) _batch[i].Fail(SqliteFaults.Map(error, what));
            else _batch[i].Complete();
        }
    }

    private void Commit(Exception?[] failed)
    {
        link.Run("begin immediate");
        for (var i = 0; i < _batch.Count; i++) failed[i] = RunInSavepoint(_batch[i]);
        link.Run("commit");
        Interlocked.Increment(ref _commits);
    }

    private Exception? RunInSavepoint(WriteUnit unit)
    {
        if (unit.Cancellation.IsCancellationRequested) return new OperationCanceledException(unit.Cancellation);
        link.Run("savepoint unit");
        try
        {
            unit.Run(link);
            link.Run("release unit");
            return null;
        }
        catch (Exception error)
        {
            // The engine takes a transaction back by itself on some errors (full disk, failed read): then the
            // units before this one are undone too, and nobody of the batch may be told otherwise.
            if (link.IsAutocommit || SqliteFaults.IsFatal(error)) throw;
            link.Run("rollback to unit");
            link.Run("release unit");
            return error;
        }
    }

    private void Abandon(Exception error)
    {
        try
        {
            if (!link.IsAutocommit) link.Run("rollback");
        }
        catch (Exception second)
        {
            Failure = SqliteFaults.Failed(what, second.Message);
        }

        var mapped = SqliteFaults.Map(error, what);
        if (SqliteFaults.IsFatal(error)) Failure = (mapped as FaultException)?.Fault ?? SqliteFaults.Failed(what, error.Message);
        foreach (var unit in _batch) unit.Fail(mapped);
    }

    private void Close()
    {
        try
        {
            link.Dispose();
            _closed.SetResult();
        }
        catch (Exception error)
        {
            _closed.SetException(SqliteFaults.Map(error, what));
        }
    }
}
