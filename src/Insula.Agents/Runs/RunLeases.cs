using System.Collections.Concurrent;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// The leases that this node holds. It renews all of them in one statement, well before they end. One that was not renewed
/// in time is lost, and its worker stops, before another node may take it: time counts from before the store was asked,
/// and some of it is kept in reserve. A node that is alone takes leases that do not end.
/// </summary>
internal sealed class RunLeases(IRunQueue queue, Node node, RunOptions options, TimeProvider time, ILogger<RunLeases> log)
{
    /// <summary>Renewals that fit into a lease's length.</summary>
    private const double RenewalsPerLease = 3.5;

    /// <summary>The part of a lease that its holder does not use.</summary>
    private const double Reserve = 0.1;

    /// <summary>How long giving back may take: it only spares another node the wait for the lease's end.</summary>
    private static readonly TimeSpan ReleaseLimit = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Endless = TimeSpan.FromDays(100 * 365);

    private readonly ConcurrentDictionary<QueuedSession, RunLease> _held = [];

    /// <summary>Whether no other node can take what this one does not renew.</summary>
    public bool Alone => node.Alone;

    /// <summary>Whether the store says whose turn it is.</summary>
    public bool StoreOrders => queue.Orders;

    public Task ShareAsync(Id<Tenant> tenant, RunShare share, CancellationToken ct) => queue.ShareAsync(tenant, share, ct);

    /// <summary>Takes the lease of the session whose turn it is; null when there is none.</summary>
    /// <param name="markedAnew">As for <see cref="TryTakeAsync"/>.</param>
    public async Task<(ClaimedSession Claimed, RunLease Lease)?> ClaimAsync(ClaimOptions how, Action markedAnew, CancellationToken ct)
    {
        var asked = time.GetTimestamp();
        return await queue.ClaimAsync(node.Id, options.LeaseLength, how, ct) is { } claimed
            ? (claimed, Hold(claimed.Entry, claimed.Lease, asked, markedAnew))
            : null;
    }

    /// <summary>Takes the lease of the session's entry. Null when there is nothing to do on it here: no entry, or another node has it.</summary>
    public async Task<RunLease?> TryTakeAsync(QueuedSession entry, Action markedAnew, CancellationToken ct)
    {
        var asked = time.GetTimestamp();
        if (await queue.TryLeaseAsync(entry, node.Id, node.Alone ? Endless : options.LeaseLength, ct) is not { } taken) return null;
        return Hold(entry, taken, asked, markedAnew);
    }

    /// <summary>Renews until the token ends. It survives a store that is away: then leases are lost as their time runs out.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        if (node.Alone) return;
        using var timer = new PeriodicTimer(options.LeaseLength / RenewalsPerLease, time);
        var failures = 0;
        while (await timer.WaitForNextTickAsync(ct))
        {
            try
            {
                await RenewAsync(ct);
                failures = 0;
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                if (failures++ == 0) RunLog.RenewalFailed(log, e, _held.Count);
            }
        }
    }

    internal long Now => time.GetTimestamp();

    internal TimeSpan Since(long began) => time.GetElapsedTime(began);

    internal Task ProgressedAsync(QueuedSession entry, CancellationToken ct) => queue.ProgressedAsync(entry, node.Id, ct);

    /// <summary>The store is told how long to wait, not until when: its clock counts, and this node's may be wrong.</summary>
    internal TimeSpan? Until(DateTimeOffset? again) => again - time.GetUtcNow();

    internal Task<long?> SettleAsync(QueuedSession entry, long mark, LeaseEnd end, CancellationToken ct) => queue.SettleAsync(entry, node.Id, mark, end, ct);

    /// <summary>The lease is over; it is given back unless its entry is gone. Never fails.</summary>
    internal async Task EndAsync(RunLease lease, bool giveBack, TimeSpan? pause)
    {
        _held.TryRemove(KeyValuePair.Create(lease.Entry, lease));
        if (!giveBack) return;
        try
        {
            using var limit = new CancellationTokenSource(ReleaseLimit, time);
            await queue.ReleaseAsync(lease.Entry, node.Id, new LeaseEnd(lease.Cost, pause), limit.Token);
        }
        catch (Exception e)
        {
            RunLog.ReleaseFailed(log, e, lease.Entry.Session);
        }
    }

    private RunLease Hold(QueuedSession entry, QueueLease taken, long asked, Action markedAnew)
    {
        var lease = new RunLease(this, entry, taken, markedAnew, node.Alone ? new CancellationTokenSource() : new CancellationTokenSource(LeftSince(asked), time));
        _held[entry] = lease;
        return lease;
    }

    private async Task RenewAsync(CancellationToken ct)
    {
        var held = _held.ToArray();
        if (held.Length == 0) return;

        // An answer that takes longer is of no use.
        using var limit = new CancellationTokenSource(options.LeaseLength / 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        var asked = time.GetTimestamp();
        var kept = await queue.RenewAsync(node.Id, [.. held.Select(static pair => pair.Key)], options.LeaseLength, either.Token);
        foreach (var (entry, lease) in held)
        {
            if (kept.TryGetValue(entry, out var mark)) lease.Renewed(mark, LeftSince(asked));
            else lease.Lose();
        }
    }

    private TimeSpan LeftSince(long asked)
    {
        var left = options.LeaseLength * (1 - Reserve) - time.GetElapsedTime(asked);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
