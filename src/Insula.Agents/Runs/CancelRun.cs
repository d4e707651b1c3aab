using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>
/// Ends one run: a queued one here and now, an open one in its step. It is an interrupt in the log that names the run, so it
/// holds over crashes and on any node, and input behind the run is left alone. Of a run that is over nothing changes.
/// </summary>
public sealed class CancelRun(ITenantStores stores, SessionWork work, IAuditLog audit, TimeProvider time)
{
    /// <summary>The run as it is now: one that was queued is over, one that is open ends within moments.</summary>
    public async Task<Result<Run>> CancelAsync(TenantScope scope, Id<Run> id, CancellationToken ct)
    {
        Run? run;
        await using (var store = await stores.OpenAsync(scope, ct)) run = await store.Runs.FindAsync(id, ct);
        if (run is null) return ShowRun.NotFound;
        if (run.IsOver) return run;

        var interrupt = new NewEvent(new UserInterrupt(id));
        if (await work.SubmitAsync(scope, run.Session, _ => (NewEvent[])[interrupt], ct) is not { } submitted) return ShowRun.NotFound;
        if (submitted.Fault is { } fault) return fault;
        await audit.AppendAsync(scope, "run.cancel", id.ToString(), time.GetUtcNow(), ct);
        await using (var store = await stores.OpenAsync(scope, ct)) return await store.Runs.FindAsync(id, ct) is { } now ? now : ShowRun.NotFound;
    }
}
