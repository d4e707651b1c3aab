namespace Insula.Tenancy.Nodes;

/// <summary>
/// The pauses of background work whose store is away: each about twice the one before, up to a limit, and every one by
/// chance between half and whole, so that many that wait for the same thing do not come back together.
/// </summary>
public sealed class Backoff(TimeProvider time, TimeSpan longest)
{
    /// <summary>Soon enough after an outage, and no load during one.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);

    private int _failures;

    /// <summary>At most <see cref="Longest"/>.</summary>
    public Backoff(TimeProvider time)
        : this(time, Longest)
    {
    }

    /// <summary>Failures since the last <see cref="Reset"/>.</summary>
    public int Failures => _failures;

    /// <summary>The pause after so many failures, for those who wait in another way.</summary>
    /// <param name="failures">Before the one that it comes after.</param>
    public static TimeSpan PauseAfter(int failures, TimeSpan longest)
    {
        var most = Math.Min(longest.TotalSeconds, First.TotalSeconds * Math.Pow(2, Math.Min(failures, 30)));
        return TimeSpan.FromSeconds(most * (0.5 + Random.Shared.NextDouble() / 2));
    }

    /// <summary>About the period of work that every node does now and then, so that they do not stay in step.</summary>
    public static TimeSpan About(TimeSpan period) => period * (0.75 + Random.Shared.NextDouble() / 2);

    /// <summary>Waits after a failure.</summary>
    public Task WaitAsync(CancellationToken ct) => Task.Delay(PauseAfter(_failures++, longest), time, ct);

    /// <summary>Call it after a success.</summary>
    public void Reset() => _failures = 0;
}
