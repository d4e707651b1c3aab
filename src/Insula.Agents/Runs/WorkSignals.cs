namespace Insula.Agents.Runs;

/// <summary>
/// How the outside reaches the worker of one session: a call for attention ends the step under way so that the worker
/// looks at the log, a halt ends the work without another word in the log.
/// </summary>
internal sealed class WorkSignals
{
    private const int Idle = 0;
    private const int Looking = 1;
    private const int Asked = 2;

    private readonly CancellationTokenSource _halt = new();
    private CancellationTokenSource _attention = new();
    private volatile Func<CancellationToken, Task<bool>>? _interrupted;
    private int _looks;

    /// <summary>Ends with <see cref="Halt"/>: the tenant is suspended.</summary>
    public CancellationToken Halted => _halt.Token;

    /// <summary>
    /// A token that the next call for attention ends. Taken before the log is read, so that a call between the read and
    /// the step is not lost.
    /// </summary>
    /// <param name="called">Whether somebody called since the last token was taken.</param>
    public CancellationToken NextAttention(out bool called)
    {
        var current = Volatile.Read(ref _attention);
        called = current.IsCancellationRequested;
        if (!called) return current.Token;
        var fresh = new CancellationTokenSource();
        return Interlocked.CompareExchange(ref _attention, fresh, current) == current ? fresh.Token : Volatile.Read(ref _attention).Token;
    }

    public void Attend() => Volatile.Read(ref _attention).Cancel();

    public void Halt() => _halt.Cancel();

    /// <summary>
    /// Somebody wrote to the log elsewhere: the step under way ends if it is an interrupt, and else goes on. Calls during a
    /// look lead to one more.
    /// </summary>
    public void Look()
    {
        if (Interlocked.Exchange(ref _looks, Asked) == Idle) _ = Task.Run(LookAsync);
    }

    /// <summary>How to look, while a worker is at the session: whether an interrupt came that the worker has not read. Set before the worker reads the log.</summary>
    public IDisposable Watch(Func<CancellationToken, Task<bool>> interrupted)
    {
        _interrupted = interrupted;
        return new Watching(this);
    }

    private async Task LookAsync()
    {
        do
        {
            Interlocked.Exchange(ref _looks, Looking);
            try
            {
                if (_interrupted is { } interrupted && await interrupted(Halted)) Attend();
            }
            catch (Exception)
            {
                // The store is away or the work ended. While input stands unread, every renewal of the lease calls for a look again.
            }
        }
        while (Interlocked.CompareExchange(ref _looks, Idle, Looking) != Looking);
    }

    private sealed class Watching(WorkSignals signals) : IDisposable
    {
        public void Dispose() => signals._interrupted = null;
    }
}
