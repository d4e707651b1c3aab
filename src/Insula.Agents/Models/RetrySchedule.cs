namespace Insula.Agents.Models;

/// <summary>
/// When a failed model call is tried again: the wait doubles from half a second to half a minute, and half of it is left
/// to chance so that runs which failed together do not come back together. An upstream that named its own wait is never
/// asked sooner.
/// </summary>
public static class RetrySchedule
{
    /// <summary>Attempts at one call, the first among them.</summary>
    public const int AttemptsMax = 5;

    /// <summary>The first wait when chance is at its highest.</summary>
    public static TimeSpan WaitBase { get; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest wait of our own, and the most that chance adds to the upstream's.</summary>
    public static TimeSpan WaitMax { get; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait after this failed attempt; null to give up.</summary>
    /// <param name="attempt">Attempts made so far, from 1.</param>
    /// <param name="chance">A random number from 0 to 1.</param>
    public static TimeSpan? Next(int attempt, ModelException failure, double chance)
    {
        if (!failure.Retryable || attempt >= AttemptsMax) return null;
        var whole = WaitBase * Math.Pow(2, attempt - 1);
        if (whole > WaitMax) whole = WaitMax;
        var own = whole * (0.5 + (0.5 * chance));
        var asked = failure.RetryAfter is { } after ? after + (WaitBase * chance) : TimeSpan.Zero;
        return own > asked ? own : asked;
    }
}
