using System.Collections.Concurrent;

namespace Insula.Storage.Sqlite;

/// <summary>Work that blocks on the disk.</summary>
internal interface IDiskWork
{
    /// <summary>Must not throw.</summary>
    void Run();
}

/// <summary>
/// A few threads that write and wait for the disk, for all files together. A flush blocks for milliseconds: on the
/// thread pool, a few dozen busy tenants would starve every request. Files take turns, one batch each, so a tenant that
/// writes without end delays another by one batch. The queue needs no bound: a file stands in it at most once.
/// </summary>
internal sealed class DiskThreads : IDisposable
{
    private readonly BlockingCollection<IDiskWork> _ready = [];
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

    public void Post(IDiskWork work) => _ready.Add(work);

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
        foreach (var work in _ready.GetConsumingEnumerable()) work.Run();
    }
}
