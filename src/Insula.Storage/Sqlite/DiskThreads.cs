using System.Collections.Concurrent;

namespace Insula.Storage.Sqlite;

/// <summary>
/// A few threads that write and wait for the disk, for all files together. A flush blocks for milliseconds: on the
/// thread pool, a few dozen busy tenants would starve every request. Files take turns, one batch each, so a tenant that
/// writes without end delays another by one batch. The queue needs no bound of its own: a file stands in it at most
/// once, and the number of open files is bounded.
/// </summary>
internal sealed class DiskThreads : IDisposable
{
    private readonly BlockingCollection<Action> _ready = [];
    private readonly Thread[] _threads;

    public DiskThreads(int count)
    {
        _threads = new Thread[count];
        for (var i = 0; i < count; i++)
        {
            _threads[i] = new Thread(Loop, 512 * 1024) { IsBackground = true, Name = $"disk-{i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Queues <paramref name="work"/>, which must not throw.</summary>
    public void Post(Action work) => _ready.Add(work);

    public Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        });
        return done.Task;
    }

    /// <summary>Ends once everything posted is done; call it after the last file is closed.</summary>
    public void Dispose()
    {
        if (_ready.IsAddingCompleted) return;
        _ready.CompleteAdding();
        foreach (var thread in _threads) thread.Join();
        _ready.Dispose();
    }

    private void Loop()
    {
        foreach (var work in _ready.GetConsumingEnumerable()) work();
    }
}
