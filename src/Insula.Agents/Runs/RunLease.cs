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
    private readonly long _began;
    private long _mark;
    private int _abandoned;
    private TimeSpan? _pause;
    private bool _settled;
    private bool _ended;

    /// <param name="markedAnew">Called at each renewal while the entry is marked anew: input came that the worker may have to know of now.</param>
    public RunLease(RunLeases leases, QueuedSession entry, QueueLease taken, Action markedAnew, CancellationTokenSource lost)
    {
        _leases = leases;
        _mark = taken.Mark;
        _abandoned = taken.Abandoned;
        _began = leases.Now;
        _markedAnew = markedAnew;
        _lost = lost;
        Entry = entry;
        Lost = lost.Token;
    }

    public QueuedSession Entry { get; }

    /// <summary>Ends when the lease is lost: what is done under it must stop at once.</summary>
    public CancellationToken Lost { get; }

    /// <summary>
    /// How many holders in a row died with the session, as far as the queue can tell: their lease ran out, and no step was
    /// done since. A holder that gave it back in order changes nothing.
    /// </summary>
    public int Abandoned => Volatile.Read(ref _abandoned);

    /// <summary>What the lease has cost so far.</summary>
    public double Cost => RunCost.Of(_leases.Since(_began));

    /// <summary>When it is given back, the entry waits so long for its next holder.</summary>
    public void PauseFor(TimeSpan pause) => _pause = pause;

    /// <summary>A step was done: <see cref="Abandoned"/> is 0 again. Writes only when it was not.</summary>
    public async Task ProgressedAsync(CancellationToken ct)
    {
        if (Abandoned == 0) return;
        await _leases.ProgressedAsync(Entry, ct);
        Volatile.Write(ref _abandoned, 0);
    }

    /// <summary>Ends the lease when the work is done. True when the entry was marked anew: the lease goes on, and there may be work again.</summary>
    /// <param name="again">When the entry is to be taken up again if nobody wakes it before; null when it goes.</param>
    /// <param name="ended">Runs of the session that ended.</param>
    public async Task<bool> SettleAsync(DateTimeOffset? again, IReadOnlyList<EndedRun> ended, CancellationToken ct)
    {
        if (await _leases.SettleAsync(Entry, Volatile.Read(ref _mark), new LeaseEnd(Cost, _leases.Until(again), ended), ct) is { } mark)
        {
            Volatile.Write(ref _mark, mark);
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
        await _leases.EndAsync(this, giveBack: !_settled, _pause);
    }
}
