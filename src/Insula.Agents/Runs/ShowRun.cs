using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>A run, and what it waits for: while it is queued, or has to wait before its next model call.</summary>
public sealed record RunStanding(Run Run, QueuePlace? Place);

/// <summary>Shows a run; of a queued one also why it waits, its place, and when it may start.</summary>
public sealed class ShowRun(ITenantStores stores, FindPlace place, TokenPace pace, TimeProvider time)
{
    internal static readonly Fault NotFound = Fault.NotFound("run");

    public async Task<Result<RunStanding>> ShowAsync(TenantScope scope, Id<Run> id, CancellationToken ct)
    {
        Run? run;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            run = await store.Runs.FindAsync(id, ct);
            if (run is null) return NotFound;
            if (run.Status == RunStatus.Queued && await store.Sessions.FindAsync(run.Session, ct) is { OpenRun: not null }) return new RunStanding(run, QueuePlace.BehindItsSession);
        }

        if (run.Status is not (RunStatus.Queued or RunStatus.Running)) return new RunStanding(run, null);
        var found = run.Status == RunStatus.Queued ? await place.FindAsync(new QueuedSession(scope.Tenant, run.Session), ct) : null;
        return found is null or { Reason: QueueReason.Ready } && await pace.DebtAsync(scope, ct) is var debt && debt > TimeSpan.Zero
            ? new RunStanding(run, new QueuePlace(QueueReason.TokenLimit, 0, time.GetUtcNow() + debt))
            : new RunStanding(run, found);
    }
}
