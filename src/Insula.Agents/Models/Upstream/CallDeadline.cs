namespace Insula.Agents.Models.Upstream;

/// <summary>
/// The time that one call may take: each wait on the server is armed for itself, within what is left of the turn. While
/// the caller works on what came, nothing runs out, so a slow reader is never taken for a slow server.
/// </summary>
internal sealed class CallDeadline : IDisposable
{
    private readonly string _provider;
    private readonly TimeProvider _time;
    private readonly TimeSpan _turn;
    private readonly long _began;
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _either;
    private readonly CancellationToken _caller;
    private TimeSpan _armed;

    public CallDeadline(string provider, TimeSpan turn, TimeProvider time, CancellationToken caller)
    {
        (_provider, _turn, _time, _caller, _began) = (provider, turn, time, caller, time.GetTimestamp());
        _timer = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(caller, _timer.Token);
    }

    /// <summary>Ends with the caller's token, or when the armed wait is over.</summary>
    public CancellationToken Token => _either.Token;

    public void Arm(TimeSpan wait)
    {
        var left = _turn - _time.GetElapsedTime(_began);
        _armed = wait < left ? wait : _turn;
        if (left <= TimeSpan.Zero) _timer.Cancel();
        else _timer.CancelAfter(wait < left ? wait : left);
    }

    public void Rest() => _timer.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>What a failed wait means: the caller's cancellation stays one, everything else becomes a <see cref="ModelException"/>.</summary>
    public Exception Explain(Exception error)
    {
        if (_caller.IsCancellationRequested) return new OperationCanceledException(error.Message, error, _caller);
        if (_timer.IsCancellationRequested) return UpstreamFailure.Away(_provider, $"did not go on within {_armed.TotalSeconds:0.###} s.", error);
        return error switch
        {
            OperationCanceledException => UpstreamFailure.Away(_provider, "did not accept a connection in time.", error),
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } =>
                UpstreamFailure.Away(_provider, "cannot be reached.", error),
            _ => UpstreamFailure.Away(_provider, "broke the connection before its answer was complete.", error),
        };
    }

    public void Dispose()
    {
        _either.Dispose();
        _timer.Dispose();
    }
}
