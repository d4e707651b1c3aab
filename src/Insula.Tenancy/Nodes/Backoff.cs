namespace Insula.Tenancy.Nodes;

/// <summary>
/// The pauses of background work whose store is away: each about twice the one before, up to a limit, and every one by
/// chance between half and whole, so that many that wait for the same thing do not come back together.
/// </summary>
public sealed class Backoff(TimeProvider time, TimeSpan longest)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);

    private int _failures;

    /// <summary>Five seconds at the longest: soon enough after an outage, and no load during one.</summary>
    public Backoff(TimeProvider time)
        : this(time, TimeSpan.FromSeconds(5))
    {
    }

    /// <summary>Failures since the last <see cref="Reset"/>.</summary>
    public int Failures => _failures;

    /// <summary>Waits after a failure.</summary>
    public Task WaitAsync(CancellationToken ct)
    {
        var most = Math.Min(longest.TotalSeconds, First.TotalSeconds * Math.Pow(2, Math.Min(_failures, 30)));
        _failures++;
        return Task.Delay(TimeSpan.FromSeconds(most * (0.5 + Random.Shared.NextDouble() / 2)), time, ct);
    }

    /// <summary>Call it after a success.</summary>
    public void Reset() => _failures = 0;
}
