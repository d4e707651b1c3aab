namespace Insula.Agents.Runs;

/// <summary>Why a queued session waits.</summary>
/// <param name="Ahead">Sessions of the same tenant whose turn comes before.</param>
/// <param name="EstimatedStart">When a worker is expected to begin; null when nothing is known to reckon with.</param>
public sealed record QueuePlace(QueueReason Reason, int Ahead, DateTimeOffset? EstimatedStart)
{
    /// <summary>Nobody can tell when the run before it ends.</summary>
    internal static QueuePlace BehindItsSession { get; } = new(QueueReason.Session, 0, null);
}

public enum QueueReason
{
    /// <summary>A worker takes it now, or has it.</summary>
    Ready,

    /// <summary>The tenant's concurrent runs are all in use.</summary>
    TenantLimit,

    /// <summary>Every worker is busy.</summary>
    WorkersBusy,

    /// <summary>Others' turns come first.</summary>
    Turn,

    /// <summary>It waits for a moment that was set.</summary>
    Delayed,

    /// <summary>Its next model call waits until the tenant's tokens a minute allow it.</summary>
    TokenLimit,

    /// <summary>The run before it in the same session is not over.</summary>
    Session,

    /// <summary>The tenant is suspended.</summary>
    Suspended,
}
