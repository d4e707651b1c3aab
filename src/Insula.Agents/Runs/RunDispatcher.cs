using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// Sets workers on sessions that may have work: one worker per session at a time, over all nodes, several sessions at once,
/// bounded per tenant and per node, in the order of <see cref="FairOrder"/>. It only decides who works; what there is to do
/// is in the session's log, so a signal too many is harmless and a crash loses nothing that the queue and the log do not
/// give back (<see cref="RunAsync"/>).
/// </summary>
public sealed class RunDispatcher
{
    /// <summary>How often the queue is looked through, about: with a lease's length it is how soon the runs of a dead node go on.</summary>
    private static readonly TimeSpan WatchPeriod = TimeSpan.FromSeconds(1);

    private readonly RunSlots _slots;
    private readonly RunLeases _leases;
    private readonly QueueWatch _watch;
    private readonly LocalTurns _local;
    private readonly SharedTurns _shared;
    private readonly RunOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<RunDispatcher> _log;

    internal RunDispatcher(
        RunSlots slots,
        RunLeases leases,
        QueueWatch watch,
        LocalTurns local,
        SharedTurns shared,
        RunOptions options,
        TimeProvider time,
        ILogger<RunDispatcher> log)
    {
        _slots = slots;
        _leases = leases;
        _watch = watch;
        _local = local;
        _shared = shared;
        _options = options;
        _time = time;
        _log = log;
    }

    /// <summary>
    /// Takes up every session in the queue that nobody works on (the runs that a crash or a stop left, here or on another
    /// node) and goes on doing so, until the token ends. Then it takes up nothing more, stops the steps under way and waits
    /// for their workers, at most <see cref="RunOptions.StopLimit"/>.
    /// </summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var drained = new CancellationTokenSource();
        var renewing = _leases.RunAsync(drained.Token);
        using var ear = _leases.StoreOrders ? _shared.Listen() : null;
        await Watch.RunAsync(_time, WatchPeriod, LookAsync, LookFailed, stopping);
        await StopAsync();
        await drained.CancelAsync();
        await Task.WhenAny(renewing);
    }

    /// <summary>The workers of this node, as the tenant sees them.</summary>
    public WorkersNow Workers(Id<Tenant> tenant) => _leases.StoreOrders
        ? new WorkersNow(_options.WorkersMax, _shared.Free, 0, RunCost.First)
        : _local.Workers.Of(tenant);

    /// <summary>The session may have work. <paramref name="interrupt"/> ends its step under way, so that the worker sees the interrupt at once.</summary>
    /// <param name="priority">As given to the queue.</param>
    public void Signal(Id<Tenant> tenant, Id<Session> session, bool interrupt, int priority = 0)
    {
        var entry = new QueuedSession(tenant, session);
        if (_slots.Signal(entry, interrupt))
        {
            if (!_leases.StoreOrders) _local.Workers.Raise(entry, priority);
            return;
        }

        if (_leases.StoreOrders) _shared.Ask(tenant);
        else _local.TakeUp(entry, priority, _time.GetUtcNow());
    }

    /// <summary>Stops the tenant's workers at once. Their runs stay open in the log and go on with <see cref="ResumeAsync"/>.</summary>
    public void Halt(Id<Tenant> tenant) => _slots.Halt(tenant);

    /// <summary>Takes up the tenant's sessions in the queue again.</summary>
    public async Task ResumeAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        if (_leases.StoreOrders) _shared.Ask(tenant);
        else await _watch.LookAsync(tenant, entry => Signal(tenant, entry.Session, interrupt: false), ct);
    }

    /// <summary>Stops the tenant's workers if it may have none now.</summary>
    internal Task HaltIfRefusedAsync(Id<Tenant> tenant, CancellationToken ct) => _slots.HaltIfRefusedAsync(tenant, ct);

    private async Task<bool> LookAsync(CancellationToken ct)
    {
        if (_leases.StoreOrders) await _shared.LookAsync(ct);
        else await _watch.LookAsync(free => _local.TakeUp(free.Entry, free.Priority, free.Ready), ct);
        if (!_leases.Alone) foreach (var tenant in _slots.Tenants()) await HaltIfRefusedAsync(tenant, ct);
        await _watch.CountAsync(ct);
        return false;
    }

    private void LookFailed(Exception error, bool first)
    {
        if (first) RunLog.WatchFailed(_log, error);
        _watch.StartOver();
    }

    private async Task StopAsync()
    {
        try
        {
            await _slots.StopAsync().WaitAsync(_options.StopLimit, _time);
        }
        catch (TimeoutException)
        {
            RunLog.StopCutOff(_log, _slots.Count);
        }
    }
}
