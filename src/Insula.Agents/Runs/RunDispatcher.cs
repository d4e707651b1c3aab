using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// Sets workers on sessions that may have work: one worker per session at a time, over all nodes, several sessions at once,
/// bounded per tenant and per node. It only decides who works; what there is to do is in the session's log, so a signal too
/// many is harmless and a crash loses nothing that the queue and the log do not give back (<see cref="RunAsync"/>).
/// </summary>
public sealed class RunDispatcher
{
    /// <summary>How often the queue is looked through, about: with a lease's length it is how soon the runs of a dead node go on.</summary>
    private static readonly TimeSpan WatchPeriod = TimeSpan.FromSeconds(1);

    /// <summary>How long work waits that fails again and again for a reason of its own, where a store that is away is tried more often.</summary>
    private static readonly TimeSpan RetryMax = TimeSpan.FromMinutes(1);

    private readonly SessionWorker _worker;
    private readonly RunLeases _leases;
    private readonly QueueWatch _watch;
    private readonly SessionWakes _wakes;
    private readonly RunShareOf _shareOf;
    private readonly RunOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<RunDispatcher> _log;

    private readonly Lock _lock = new();
    private readonly Dictionary<Id<Tenant>, Lane> _lanes = [];
    private readonly RunTurns _turns;
    private readonly CancellationTokenSource _stop = new();
    private TaskCompletionSource? _drained;
    private int _slots;

    internal RunDispatcher(
        SessionWorker worker,
        RunLeases leases,
        QueueWatch watch,
        SessionWakes wakes,
        RunShareOf shareOf,
        RunOptions options,
        TimeProvider time,
        ILogger<RunDispatcher> log)
    {
        _worker = worker;
        _leases = leases;
        _watch = watch;
        _wakes = wakes;
        _shareOf = shareOf;
        _options = options;
        _time = time;
        _log = log;
        _turns = new RunTurns(options.WorkersMax, time);
    }

    /// <summary>
    /// Takes up every session in the queue that nobody works on (the runs that a crash or a stop left, here or on another
    /// node) and goes on doing so, until the token ends. Then it stops the steps under way and waits for their workers, at
    /// most <see cref="RunOptions.StopLimit"/>.
    /// </summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var drained = new CancellationTokenSource();
        var renewing = _leases.RunAsync(drained.Token);
        try
        {
            await WatchAsync(stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The ordinary end.
        }

        await StopAsync();
        await drained.CancelAsync();
        await Task.WhenAny(renewing);
    }

    /// <summary>The workers of this node.</summary>
    public WorkersNow Workers(Id<Tenant> tenant) => _turns.Workers(tenant);

    /// <summary>The session may have work. <paramref name="interrupt"/> ends its step under way, so that the worker sees the interrupt at once.</summary>
    /// <param name="priority">As given to the queue.</param>
    public void Signal(Id<Tenant> tenant, Id<Session> session, bool interrupt, int priority = 0)
    {
        lock (_lock)
        {
            if (!_lanes.TryGetValue(tenant, out var lane) || !lane.Slots.TryGetValue(session, out var busy))
            {
                Occupy(new QueuedSession(tenant, session), priority, _time.GetUtcNow());
                return;
            }

            busy.Again = true;
            if (!interrupt) return;
            busy.Signals.Attend();
        }
    }

    /// <summary>Stops the tenant's workers at once. Their runs stay open in the log and go on with <see cref="ResumeAsync"/>.</summary>
    public void Halt(Id<Tenant> tenant)
    {
        Slot[] slots;
        lock (_lock)
        {
            slots = _lanes.TryGetValue(tenant, out var lane) ? [.. lane.Slots.Values] : [];
        }

        foreach (var slot in slots) slot.Signals.Halt();
    }

    /// <summary>Takes up the tenant's sessions in the queue again.</summary>
    public Task ResumeAsync(Id<Tenant> tenant, CancellationToken ct) => _watch.LookAsync(tenant, entry => Signal(tenant, entry.Session, interrupt: false), ct);

    /// <summary>Stops the tenant's workers if it may have none now.</summary>
    internal async Task HaltIfRefusedAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        lock (_lock)
        {
            if (!_lanes.ContainsKey(tenant)) return;
        }

        if (await _shareOf(tenant, ct) is { Concurrent: 0 }) Halt(tenant);
    }

    private async Task WatchAsync(CancellationToken ct)
    {
        var backoff = new Backoff(_time);
        while (true)
        {
            try
            {
                await _watch.LookAsync(TakeUp, ct);
                if (!_leases.Alone) foreach (var tenant in TenantsHere()) await HaltIfRefusedAsync(tenant, ct);
                backoff.Reset();
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                if (backoff.Failures == 0) RunLog.WatchFailed(_log, e);
                _watch.StartOver();
                await backoff.WaitAsync(ct);
                continue;
            }

            // Not in step with the other nodes.
            await Task.Delay(WatchPeriod * (0.75 + Random.Shared.NextDouble() / 2), _time, ct);
        }
    }

    private Id<Tenant>[] TenantsHere()
    {
        lock (_lock) return [.. _lanes.Keys];
    }

    /// <summary>Sets a worker on a session that was found in the queue; one that has its slot here is known already.</summary>
    private void TakeUp(FreeEntry free)
    {
        lock (_lock)
        {
            if (!_lanes.TryGetValue(free.Entry.Tenant, out var lane) || !lane.Slots.ContainsKey(free.Entry.Session)) Occupy(free.Entry, free.Priority, free.Ready);
        }
    }

    /// <summary>Called under the lock, for a session that has no slot.</summary>
    private void Occupy(QueuedSession entry, int priority, DateTimeOffset ready)
    {
        if (_stop.IsCancellationRequested) return;
        if (!_lanes.TryGetValue(entry.Tenant, out var lane)) _lanes[entry.Tenant] = lane = new Lane();
        var slot = new Slot(entry, lane, priority, ready);
        lane.Slots[entry.Session] = slot;
        _slots++;
        _ = Task.Run(() => OccupyAsync(slot), CancellationToken.None);
    }

    private async Task OccupyAsync(Slot slot)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, slot.Signals.Halted);
        var (away, broken) = (new Backoff(_time), new Backoff(_time, RetryMax));
        try
        {
            using var ear = _wakes.Listen(slot.Entry.Session, slot.Signals.Look);
            while (true)
            {
                switch (await WorkOnceAsync(slot, ended.Token))
                {
                    case null:
                        away.Reset();
                        broken.Reset();
                        if (LeaveUnlessSignalled(slot)) return;
                        break;
                    case FaultException { Fault.Kind: FaultKind.Unavailable } error:
                        if (away.Failures == 0) RunLog.StoreAway(_log, error, slot.Entry.Session);
                        await away.WaitAsync(ended.Token);
                        break;
                    case var error:
                        RunLog.WorkFailed(_log, error, slot.Entry.Session);
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
            Leave(slot);
        }
    }

    /// <summary>Null when there is nothing more to do here; else why the work failed, which is not in the log, so that it is worth another try.</summary>
    private async Task<Exception?> WorkOnceAsync(Slot slot, CancellationToken ct)
    {
        try
        {
            var share = await _shareOf(slot.Entry.Tenant, ct);
            if (share.Concurrent == 0) return null;
            using var turn = await _turns.EnterAsync(slot.Entry.Tenant, share, slot.Priority, slot.Ready, ct);
            await WorkUnderLeaseAsync(slot, ct);
            return null;
        }
        catch (FencedOffException)
        {
            RunLog.FencedOff(_log, slot.Entry.Session);
            return null;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            return e;
        }
    }

    /// <summary>The lease is taken last, so that a session that waits for its turn here may begin on another node.</summary>
    private async Task WorkUnderLeaseAsync(Slot slot, CancellationToken ct)
    {
        await using var lease = await _leases.TryTakeAsync(slot.Entry, slot.Signals.Look, ct);
        if (lease is null) return;

        using var working = CancellationTokenSource.CreateLinkedTokenSource(ct, lease.Lost);
        try
        {
            await _worker.WorkAsync(SystemTask.Run.For(slot.Entry.Tenant), lease, slot.Signals, working.Token);
        }
        catch (OperationCanceledException) when (lease.Lost.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            // If nobody took the session meanwhile, the next look at the queue brings it back here.
            RunLog.LeaseLost(_log, slot.Entry.Session);
        }
    }

    private bool LeaveUnlessSignalled(Slot slot)
    {
        lock (_lock)
        {
            // A halted slot can do no more: its signal is left for the one that follows it.
            if (slot.Again && !slot.Signals.Halted.IsCancellationRequested)
            {
                slot.Again = false;
                return false;
            }

            Remove(slot);
            return true;
        }
    }

    private void Leave(Slot slot)
    {
        bool again;
        lock (_lock)
        {
            again = slot.Again;
            Remove(slot);
            if (--_slots == 0) _drained?.TrySetResult();
        }

        // Signalled while it was being halted or gave up: whoever signalled counts on a worker.
        if (again) Signal(slot.Entry.Tenant, slot.Entry.Session, interrupt: false);
    }

    /// <summary>Idempotent, and harmless when another slot has taken the place in between.</summary>
    private void Remove(Slot slot)
    {
        if (slot.Lane.Slots.TryGetValue(slot.Entry.Session, out var current) && current == slot) slot.Lane.Slots.Remove(slot.Entry.Session);
        if (slot.Lane.Slots.Count == 0 && _lanes.TryGetValue(slot.Entry.Tenant, out var lane) && lane == slot.Lane) _lanes.Remove(slot.Entry.Tenant);
    }

    private async Task StopAsync()
    {
        Task drained;
        lock (_lock)
        {
            _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_slots == 0) _drained.SetResult();
            drained = _drained.Task;
        }

        await _stop.CancelAsync();
        try
        {
            await drained.WaitAsync(_options.StopLimit, _time);
        }
        catch (TimeoutException)
        {
            RunLog.StopCutOff(_log, _slots);
        }
    }

    private sealed class Lane
    {
        public Dictionary<Id<Session>, Slot> Slots { get; } = [];
    }

    private sealed class Slot(QueuedSession entry, Lane lane, int priority, DateTimeOffset ready)
    {
        public QueuedSession Entry => entry;

        public Lane Lane => lane;

        public int Priority => priority;

        public DateTimeOffset Ready => ready;

        public WorkSignals Signals { get; } = new();

        /// <summary>Signalled since the worker last took the entry's mark. Guarded by the dispatcher's lock.</summary>
        public bool Again { get; set; }
    }
}
