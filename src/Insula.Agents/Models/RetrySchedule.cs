namespace Insula.Agents.Models;

/// <summary>When a failed model call is tried again.</summary>
public static class RetrySchedule
{
    /// <summary>How long to wait after this failed attempt (counted from 1); null to give up.</summary>
    public static TimeSpan? Next(int attempt, ModelException failure) =>
        attempt >= 5 ? null : failure.RetryAfter ?? TimeSpan.FromSeconds(0.5 * (1 << attempt));
}
