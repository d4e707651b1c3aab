namespace Insula.Agents.Runs;

/// <summary>
/// How the outside reaches the worker of one session: a call for attention ends the step under way so that the worker
/// looks at the log, a halt ends the work without another word in the log.
/// </summary>
internal sealed class WorkSignals
{
    private readonly CancellationTokenSource _halt = new();
    private CancellationTokenSource _attention = new();

    /// <summary>Ends with <see cref="Halt"/>: the tenant is suspended.</summary>
    public CancellationToken Halted => _halt.Token;

    /// <summary>
    /// A token that the next call for attention ends. Taken before the log is read, so that a call between the read and
    /// the step is not lost.
    /// </summary>
    public CancellationToken NextAttention()
    {
        var current = Volatile.Read(ref _attention);
        if (!current.IsCancellationRequested) return current.Token;
        var fresh = new CancellationTokenSource();
        return Interlocked.CompareExchange(ref _attention, fresh, current) == current ? fresh.Token : Volatile.Read(ref _attention).Token;
    }

    public void Attend() => Volatile.Read(ref _attention).Cancel();

    public void Halt() => _halt.Cancel();
}
