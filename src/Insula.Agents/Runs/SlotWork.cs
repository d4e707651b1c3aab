using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>Sets the worker on a session under its lease, and says what came of it.</summary>
internal sealed class SlotWork(SessionWorker worker, SessionWakes wakes, RunMetrics metrics, ILogger<SlotWork> log)
{
    /// <summary>Hears from now on what other nodes say of the session.</summary>
    public IDisposable Listen(RunSlot slot) => wakes.Listen(slot.Entry.Session, slot.Signals.Look);

    /// <summary>
    /// Works until there is nothing more to do here. Null then; else why the work failed, which is not in the log, so that it
    /// is worth another try.
    /// </summary>
    public async Task<Exception?> WorkAsync(RunSlot slot, RunLease lease, CancellationToken ct)
    {
        using var working = CancellationTokenSource.CreateLinkedTokenSource(ct, lease.Lost);
        try
        {
            await worker.WorkAsync(SystemTask.Run.For(slot.Entry.Tenant), lease, slot.Signals, working.Token);
            return null;
        }
        catch (OperationCanceledException) when (lease.Lost.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            // If nobody took the session meanwhile, the next look at the queue brings it back here.
            RunLog.LeaseLost(log, slot.Entry.Session);
            metrics.LeaseLost();
            return null;
        }
        catch (FencedOffException)
        {
            RunLog.FencedOff(log, slot.Entry.Session);
            return null;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            return e;
        }
    }
}
