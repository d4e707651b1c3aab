using Insula.Tenancy.Faults;
using Insula.Tenancy.Nodes;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// The turns of a node that has its store for itself: every session of the queue has its slot here, and waits in memory for
/// a worker by <see cref="FairOrder"/>.
/// </summary>
internal sealed class LocalTurns(
    RunSlots slots, RunLeases leases, SlotWork work, RunShareOf shareOf, RunOptions options, RunMetrics metrics, TimeProvider time, ILogger<LocalTurns> log)
{
    /// <summary>How long work waits that fails again and again for a reason of its own, where a store that is away is tried more often.</summary>
    internal static readonly TimeSpan RetryMax = TimeSpan.FromMinutes(1);

    public RunTurns Workers { get; } = new(options.WorkersMax, time);

    /// <summary>Gives the session a slot, unless it has one.</summary>
    public void TakeUp(QueuedSession entry, int priority, DateTimeOffset ready)
    {
        var slot = new RunSlot(entry, new WorkSignals(), priority, ready);
        if (slots.Add(slot, unlessTaken: true)) _ = Task.Run(() => OccupyAsync(slot), CancellationToken.None);
    }

    private async Task OccupyAsync(RunSlot slot)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(slots.Stopping, slot.Signals.Halted);
        var (away, broken) = (new Backoff(time), new Backoff(time, RetryMax));
        try
        {
            using var ear = work.Listen(slot);
            while (true)
            {
                switch (await WorkOnceAsync(slot, ended.Token))
                {
                    case null:
                        away.Reset();
                        broken.Reset();
                        if (slots.LeaveUnlessSignalled(slot)) return;
                        break;
                    case FaultException { Fault.Kind: FaultKind.Unavailable } error:
                        if (away.Failures == 0) RunLog.StoreAway(log, error, slot.Entry.Session);
                        await away.WaitAsync(ended.Token);
                        break;
                    case var error:
                        RunLog.WorkFailed(log, error, slot.Entry.Session);
                        await broken.WaitAsync(ended.Token);
                        break;
                }
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // Stopped or halted: the queue entry stays and brings the session back.
        }
        finally
        {
            if (slots.Leave(slot) && !slots.Signal(slot.Entry, interrupt: false)) TakeUp(slot.Entry, slot.Priority, time.GetUtcNow());
        }
    }

    /// <summary>Null when there is nothing more to do here; else why the work failed.</summary>
    private async Task<Exception?> WorkOnceAsync(RunSlot slot, CancellationToken ct)
    {
        try
        {
            var share = await shareOf(slot.Entry.Tenant, ct);
            if (share.Concurrent == 0) return null;
            var came = time.GetTimestamp();
            using var turn = await Workers.EnterAsync(slot.Entry, share, slot.Priority, slot.Ready, ct);

            // The lease is taken last: without it, nothing is held while the session waits.
            await using var lease = await leases.TryTakeAsync(slot.Entry, slot.Signals.Look, ct);
            if (lease is null) return null;
            metrics.Claimed(time.GetElapsedTime(came));
            return await work.WorkAsync(slot, lease, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            return e;
        }
    }
}
