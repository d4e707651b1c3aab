namespace Insula.Agents.Runs;

/// <summary>
/// This node's right to work on one session, until it is disposed or lost. It is lost when the node could not renew it in
/// time by its own monotonic clock, which is before the store lets another node take it.
/// </summary>
internal sealed class RunLease : IAsyncDisposable
{
    private readonly RunLeases _leases;
    private readonly Action _markedAnew;
    private readonly CancellationTokenSource _lost;
    private readonly Lock _lock = new();
    private long _mark;
    private bool _settled;
    private bool _ended;

    /// <param name="markedAnew">Called at each renewal while the entry is marked anew: input came that the worker may have to know of now.</param>
    public RunLease(RunLeases leases, QueuedSession entry, long mark, Action markedAnew, CancellationTokenSource lost)
    {
        _leases = leases;
        _mark = mark;
        _markedAnew = markedAnew;
        _lost = lost;
        Entry = entry;
        Lost = lost.Token;
    }

    public QueuedSession Entry { get; }

    /// <summary>Ends when the lease is lost: what is done under it must stop at once.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Removes the entry when its work is done. True when it was marked anew: the lease goes on, and there may be work again.</summary>
    public async Task<bool> SettleAsync(CancellationToken ct)
    {
        if (await _leases.SettleAsync(Entry, Volatile.Read(ref _mark), ct) is { } again)
        {
            Volatile.Write(ref _mark, again);
            return true;
        }

        _settled = true;
        return false;
    }

    /// <summary>The store renewed it, and it holds so much longer.</summary>
    public void Renewed(long mark, TimeSpan longer)
    {
        lock (_lock)
        {
            if (_ended) return;
            _lost.CancelAfter(longer > TimeSpan.Zero ? longer : TimeSpan.Zero);
        }

        if (mark != Volatile.Read(ref _mark)) _markedAnew();
    }

    /// <summary>Another node has it, or may have.</summary>
    public void Lose()
    {
        try
        {
            _lost.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It is over anyway.
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock) _ended = true;
        _lost.Dispose();
        await _leases.EndAsync(this, giveBack: !_settled);
    }
}
