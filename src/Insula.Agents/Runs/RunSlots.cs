using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>The sessions that have a place on this node: a worker, or a wait for one. Through here the outside reaches them.</summary>
internal sealed class RunSlots(RunShareOf shareOf)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Id<Tenant>, Dictionary<Id<Session>, RunSlot>> _tenants = [];
    private readonly CancellationTokenSource _stop = new();
    private TaskCompletionSource? _drained;
    private int _count;

    /// <summary>Ends when the node stops its work.</summary>
    public CancellationToken Stopping => _stop.Token;

    public int Count
    {
        get
        {
            lock (_lock) return _count;
        }
    }

    public Id<Tenant>[] Tenants()
    {
        lock (_lock) return [.. _tenants.Keys];
    }

    /// <summary>Tells the session's slot that there may be work, or that its step has to end; false when it has none here.</summary>
    public bool Signal(QueuedSession entry, bool interrupt)
    {
        lock (_lock)
        {
            if (!_tenants.TryGetValue(entry.Tenant, out var lane) || !lane.TryGetValue(entry.Session, out var busy)) return false;
            busy.Again = true;
            if (interrupt) busy.Signals.Attend();
            return true;
        }
    }

    /// <summary>Gives the session the slot. False when the node stops; with <paramref name="unlessTaken"/> also when it has one.</summary>
    public bool Add(RunSlot slot, bool unlessTaken)
    {
        lock (_lock)
        {
            if (_stop.IsCancellationRequested) return false;
            if (!_tenants.TryGetValue(slot.Entry.Tenant, out var lane)) _tenants[slot.Entry.Tenant] = lane = [];
            if (unlessTaken && lane.ContainsKey(slot.Entry.Session)) return false;
            lane[slot.Entry.Session] = slot;
            _count++;
            return true;
        }
    }

    /// <summary>The slot's work is done: it goes, unless it was signalled since it began. Then there may be more.</summary>
    public bool LeaveUnlessSignalled(RunSlot slot)
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

    /// <summary>The slot is over. True when it was signalled and whoever signalled counts on a worker.</summary>
    public bool Leave(RunSlot slot)
    {
        lock (_lock)
        {
            Remove(slot);
            if (--_count == 0) _drained?.TrySetResult();
            return slot.Again;
        }
    }

    /// <summary>Stops the tenant's workers at once.</summary>
    public void Halt(Id<Tenant> tenant)
    {
        RunSlot[] slots;
        lock (_lock)
        {
            slots = _tenants.TryGetValue(tenant, out var lane) ? [.. lane.Values] : [];
        }

        foreach (var slot in slots) slot.Signals.Halt();
    }

    /// <summary>Stops the tenant's workers if it may have none now.</summary>
    public async Task HaltIfRefusedAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        lock (_lock)
        {
            if (!_tenants.ContainsKey(tenant)) return;
        }

        if (await shareOf(tenant, ct) is { Concurrent: 0 }) Halt(tenant);
    }

    /// <summary>Ends all of them, and adds none any more; the task ends with the last.</summary>
    public async Task StopAsync()
    {
        Task drained;
        lock (_lock)
        {
            _drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_count == 0) _drained.SetResult();
            drained = _drained.Task;
        }

        await _stop.CancelAsync();
        await drained;
    }

    /// <summary>Idempotent, and harmless when another slot has taken the place in between.</summary>
    private void Remove(RunSlot slot)
    {
        if (!_tenants.TryGetValue(slot.Entry.Tenant, out var lane)) return;
        if (lane.TryGetValue(slot.Entry.Session, out var current) && current == slot) lane.Remove(slot.Entry.Session);
        if (lane.Count == 0) _tenants.Remove(slot.Entry.Tenant);
    }
}

/// <param name="entry">Whose place it is.</param>
/// <param name="priority">As given to the queue.</param>
/// <param name="ready">Since when it waits for a worker.</param>
internal sealed class RunSlot(QueuedSession entry, WorkSignals signals, int priority = 0, DateTimeOffset ready = default)
{
    public QueuedSession Entry => entry;

    public WorkSignals Signals => signals;

    public int Priority => priority;

    public DateTimeOffset Ready => ready;

    /// <summary>Signalled since the worker last took the entry's mark. Guarded by the lock of <see cref="RunSlots"/>.</summary>
    public bool Again { get; set; }
}
