namespace Insula.Agents.Runs;

/// <summary>Why a queued session waits, how many of its tenant's go before it, and about when it begins.</summary>
public sealed class FindPlace(IRunQueue queue, RunDispatcher dispatcher, RunShareOf shareOf, TimeProvider time)
{
    /// <summary>Null when the session is not in the queue.</summary>
    public async Task<QueuePlace?> FindAsync(QueuedSession entry, CancellationToken ct)
    {
        if (await queue.FindAsync(entry, ct) is not { } standing) return null;
        var share = await shareOf(entry.Tenant, ct);
        var now = time.GetUtcNow();
        if (standing.Held) return new QueuePlace(QueueReason.Ready, 0, now);
        if (standing.Suspended || share.Concurrent == 0) return new QueuePlace(QueueReason.Suspended, standing.Ahead, null);
        if (standing.Delay > TimeSpan.Zero) return new QueuePlace(QueueReason.Delayed, standing.Ahead, now + standing.Delay);

        var workers = dispatcher.Workers(entry.Tenant);
        var reason = standing.TenantHolds >= share.Concurrent ? QueueReason.TenantLimit
            : workers.Free == 0 ? standing.Ahead == 0 ? QueueReason.WorkersBusy : QueueReason.Turn
            : standing.Ahead == 0 ? QueueReason.Ready : QueueReason.Turn;
        return new QueuePlace(reason, standing.Ahead, reason == QueueReason.Ready ? now : now + Wait(standing, share, workers));
    }

    /// <summary>The work ahead, at the rate that the tenant gets of all workers while the others that wait take theirs.</summary>
    private static TimeSpan Wait(EntryStanding standing, RunShare share, WorkersNow workers)
    {
        var all = workers.Max * (double)Math.Max(1, standing.Nodes);
        var part = all * share.Weight / Math.Max(share.Weight, standing.WaitingWeight ?? workers.WaitingWeight);
        var own = Math.Clamp(Math.Max(part, share.Minimum), 1e-3, share.Concurrent);
        return TimeSpan.FromSeconds(Math.Min(TimeSpan.FromDays(365).TotalSeconds, (standing.Ahead + 1) * (standing.Cost ?? workers.Cost) / own));
    }
}

/// <summary>The workers of this node, as one tenant sees them.</summary>
/// <param name="WaitingWeight">The weights of all tenants that wait here.</param>
/// <param name="Cost">What a lease of the tenant costs on average.</param>
public sealed record WorkersNow(int Max, int Free, double WaitingWeight, double Cost);
