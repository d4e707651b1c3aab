using System.Collections.Concurrent;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Usage;

/// <summary>
/// Keeps the ledger up to date. What this node's runs use is shipped a moment after its append, off their way. What a node
/// left behind is found by the marks: a run's queue entry stands while it may append, and the transaction that takes the
/// entry away marks the tenant. So an outbox with rows in it has an entry or a mark, whatever crashed.
/// </summary>
public sealed class UsageShipper
{
    private const int TenantsAtOnce = 4;
    private const int MarksAtOnce = 100;

    /// <summary>Appends of so long are shipped together.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(50);

    /// <summary>How often marks are looked at, about; a mark that is younger is left to the node that heard of the usage itself.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    /// <summary>How often tenants in the run queue are marked for those nodes that died with usage unshipped.</summary>
    private static readonly TimeSpan QueuePeriod = TimeSpan.FromMinutes(1);

    private readonly ShipUsage _ship;
    private readonly IUsageLedger _ledger;
    private readonly UsageMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<UsageShipper> _log;
    private readonly SemaphoreSlim _signalled = new(0, 1);
    private ConcurrentDictionary<Id<Tenant>, bool> _used = new();

    internal UsageShipper(ShipUsage ship, IUsageLedger ledger, UsageMetrics metrics, TimeProvider time, ILogger<UsageShipper> log)
    {
        _ship = ship;
        _ledger = ledger;
        _metrics = metrics;
        _time = time;
        _log = log;
    }

    /// <summary>The tenant's outbox has something new.</summary>
    public void Signal(Id<Tenant> tenant)
    {
        // In this order, so that a pass that took the tenant out before is followed by another one.
        Volatile.Read(ref _used)[tenant] = true;
        try
        {
            if (_signalled.CurrentCount == 0) _signalled.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else signalled at the same moment.
        }
    }

    /// <summary>Ships until the token ends; then what is left waits in its stores.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            await Task.WhenAll(ShipSignalledAsync(stopping), SweepAsync(stopping));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The ordinary end.
        }
    }

    /// <summary>One look at the marks; whether there may be more.</summary>
    internal async Task<bool> SweepOnceAsync(CancellationToken ct)
    {
        _metrics.Marked(await _ledger.CountMarkedAsync(ct));
        var marks = await _ledger.ListMarkedAsync(_time.GetUtcNow() - Period, MarksAtOnce, ct);
        var settled = 0;
        await ForEachAsync(marks, async (mark, cancel) =>
        {
            if (!await TryShipAsync(mark.Tenant, cancel)) return;
            await _ledger.UnmarkAsync(mark, cancel);
            Interlocked.Increment(ref settled);
        }, ct);
        return settled == MarksAtOnce;
    }

    private async Task ShipSignalledAsync(CancellationToken ct)
    {
        while (true)
        {
            await _signalled.WaitAsync(ct);
            await Task.Delay(Gathering, _time, ct);
            var used = Interlocked.Exchange(ref _used, new());
            await ForEachAsync(used.Keys, (tenant, cancel) => TryShipAsync(tenant, cancel), ct);
        }
    }

    private async Task SweepAsync(CancellationToken ct)
    {
        long? queued = null;
        await Watch.RunAsync(
            _time,
            Period,
            async look =>
            {
                if (queued is null || _time.GetElapsedTime(queued.Value) > QueuePeriod)
                {
                    await _ledger.MarkQueuedAsync(look);
                    queued = _time.GetTimestamp();
                }

                return await SweepOnceAsync(look);
            },
            (error, first) =>
            {
                if (first) UsageLog.SweepFailed(_log, error);
            },
            ct);
    }

    /// <summary>Whether all of the tenant's usage is in the ledger now. What fails is found again by its mark.</summary>
    private async Task<bool> TryShipAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        try
        {
            await _ship.RunAsync(tenant, ct);
            return true;
        }
        catch (Exception error) when (!ct.IsCancellationRequested)
        {
            _metrics.Failed();
            UsageLog.ShipFailed(_log, error, tenant);
            return false;
        }
    }

    private static Task ForEachAsync<T>(IEnumerable<T> items, Func<T, CancellationToken, Task> act, CancellationToken ct) =>
        Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = TenantsAtOnce, CancellationToken = ct }, async (item, cancel) => await act(item, cancel));
}
