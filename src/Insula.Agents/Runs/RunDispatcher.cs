using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>How many runs a tenant may have at work now; 0 while it is suspended or gone.</summary>
public delegate ValueTask<int> ConcurrentRunsAllowed(Id<Tenant> tenant, CancellationToken ct);

/// <summary>
/// Sets workers on sessions that may have work: one worker per session at a time, several sessions at once, bounded per
/// tenant and over all. It only decides who works; what there is to do is in the session's log, so a signal too many is
/// harmless and a crash loses nothing that the queue and the log do not give back (<see cref="RunAsync"/>).
/// </summary>
public sealed class RunDispatcher
{
    private const int AttemptsMax = 5;

    private readonly IRunQueue _queue;
    private readonly SessionWorker _worker;
    private readonly ConcurrentRunsAllowed _allowed;
    private readonly RunOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<RunDispatcher> _log;

    private readonly Lock _lock = new();
    private readonly Dictionary<Id<Tenant>, Lane> _lanes = [];
    private readonly SemaphoreSlim _workers;
    private readonly CancellationTokenSource _stop = new();
    private TaskCompletionSource? _drained;
    private int _slots;

    internal RunDispatcher(
        IRunQueue queue, SessionWorker worker, ConcurrentRunsAllowed allowed, RunOptions options, TimeProvider time, ILogger<RunDispatcher> log)
    {
        _queue = queue;
        _worker = worker;
        _allowed = allowed;
        _options = options;
        _time = time;
        _log = log;
        _workers = new SemaphoreSlim(options.WorkersMax);
    }

    /// <summary>
    /// Takes up every session in the queue (the runs that a crash or a stop left), then waits for the token, stops the
    /// steps under way and waits for their workers, at most <see cref="RunOptions.StopLimit"/>.
    /// </summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var entry in _queue.AllAsync(stopping)) Signal(entry.Tenant, entry.Session, interrupt: false);
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The ordinary end.
        }

        await StopAsync();
    }

    /// <summary>The session may have work. <paramref name="interrupt"/> ends its step under way, so that the worker sees the interrupt at once.</summary>
    public void Signal(Id<Tenant> tenant, Id<Session> session, bool interrupt)
    {
        Slot slot;
        lock (_lock)
        {
            if (_stop.IsCancellationRequested) return;
            if (!_lanes.TryGetValue(tenant, out var lane)) _lanes[tenant] = lane = new Lane();
            if (lane.Slots.TryGetValue(session, out var busy))
            {
                busy.Again = true;
                if (interrupt) busy.Signals.Attend();
                return;
            }

            slot = new Slot(tenant, session, lane);
            lane.Slots[session] = slot;
            _slots++;
        }

        _ = Task.Run(() => OccupyAsync(slot), CancellationToken.None);
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
    public async Task ResumeAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        await foreach (var entry in _queue.AllAsync(ct))
        {
            if (entry.Tenant == tenant) Signal(tenant, entry.Session, interrupt: false);
        }
    }

    private async Task OccupyAsync(Slot slot)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, slot.Signals.Halted);
        try
        {
            var attempt = 0;
            while (true)
            {
                attempt = await WorkOnceAsync(slot, ended.Token) ? 0 : attempt + 1;
                if (attempt >= AttemptsMax) return;
                if (attempt > 0) await Task.Delay(TimeSpan.FromSeconds(1 << attempt), _time, ended.Token);
                else if (LeaveUnlessSignalled(slot)) return;
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

    /// <summary>False when the work failed for a reason that is not in the log, so that it is worth another try.</summary>
    private async Task<bool> WorkOnceAsync(Slot slot, CancellationToken ct)
    {
        var allowed = await _allowed(slot.Tenant, ct);
        if (allowed == 0) return true;
        await slot.Lane.Gate.EnterAsync(allowed, ct);
        try
        {
            await _workers.WaitAsync(ct);
            try
            {
                await _worker.WorkAsync(SystemTask.Run.For(slot.Tenant), slot.Session, slot.Signals, ct);
                return true;
            }
            finally
            {
                _workers.Release();
            }
        }
        catch (FencedOffException)
        {
            RunLog.FencedOff(_log, slot.Session);
            return true;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            RunLog.WorkFailed(_log, e, slot.Session);
            return false;
        }
        finally
        {
            slot.Lane.Gate.Exit();
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
        if (again) Signal(slot.Tenant, slot.Session, interrupt: false);
    }

    /// <summary>Idempotent, and harmless when another slot has taken the place in between.</summary>
    private void Remove(Slot slot)
    {
        if (slot.Lane.Slots.TryGetValue(slot.Session, out var current) && current == slot) slot.Lane.Slots.Remove(slot.Session);
        if (slot.Lane.Slots.Count == 0 && _lanes.TryGetValue(slot.Tenant, out var lane) && lane == slot.Lane) _lanes.Remove(slot.Tenant);
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
        public RunGate Gate { get; } = new();

        public Dictionary<Id<Session>, Slot> Slots { get; } = [];
    }

    private sealed class Slot(Id<Tenant> tenant, Id<Session> session, Lane lane)
    {
        public Id<Tenant> Tenant => tenant;

        public Id<Session> Session => session;

        public Lane Lane => lane;

        public WorkSignals Signals { get; } = new();

        /// <summary>Signalled since the worker last took the entry's mark. Guarded by the dispatcher's lock.</summary>
        public bool Again { get; set; }
    }
}
