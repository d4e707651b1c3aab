using System.Collections.Concurrent;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.Logging;

namespace Insula.Agents.Runs;

/// <summary>
/// The turns of a node that shares its store with others: the store says who is next over all of them, and each node pulls
/// while it has a worker free: on a signal, when a worker is done, when another node has none for its work, and every second.
/// </summary>
internal sealed class SharedTurns(
    RunSlots slots, RunLeases leases, SlotWork work, RunShareOf shareOf, IWakes wakes, RunOptions options, RunMetrics metrics, ILogger<SharedTurns> log)
{
    /// <summary>What the store may have forgotten is told anew when so many tenants were told.</summary>
    private const int ToldMax = 10_000;

    /// <summary>
    /// How old an entry is that this node takes though it did not hear of it. The node that heard of it is at it as a rule,
    /// and the client who waits for the answer is there too.
    /// </summary>
    private static readonly TimeSpan LeftFor = TimeSpan.FromSeconds(1);

    private const string AnyWork = "work";

    /// <summary>The store passes over suspended tenants by itself; this is for the moments in which the two disagree.</summary>
    private static readonly TimeSpan RefusedPause = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<Id<Tenant>, RunShare> _told = [];
    private readonly ConcurrentDictionary<QueuedSession, int> _failures = [];
    private readonly SemaphoreSlim _pulling = new(1);
    private int _asked;
    private int _working;
    private int _turn;

    public int Free => Math.Max(0, options.WorkersMax - Volatile.Read(ref _working));

    /// <summary>Hears of work that other nodes have no worker for.</summary>
    public IDisposable Listen() => wakes.Listen(WakeTopic.Work, _ =>
    {
        if (Free > 0) Ask(tenant: null);
    });

    /// <summary>There may be work: pulls it in the background. What fails is left to the watch, which pulls again.</summary>
    public void Ask(Id<Tenant>? tenant) => _ = Task.Run(
        async () =>
        {
            try
            {
                if (tenant is { } known) await TellAsync(known, slots.Stopping);
                if (Free > 0) await PullAsync(default, slots.Stopping);
                else if (tenant is not null) wakes.Announce(WakeTopic.Work, AnyWork);
            }
            catch (Exception e) when (!slots.Stopping.IsCancellationRequested)
            {
                RunLog.PullFailed(log, e);
            }
            catch (OperationCanceledException)
            {
                // The node stops: others pull what is left.
            }
        },
        CancellationToken.None);

    /// <summary>Takes what is next until no worker is free or nothing is ready. Calls meanwhile lead to one more look.</summary>
    private async Task PullAsync(TimeSpan age, CancellationToken ct)
    {
        if (age == default) Interlocked.Exchange(ref _asked, 1);
        do
        {
            if (!await _pulling.WaitAsync(TimeSpan.Zero, ct)) return;
            try
            {
                if (Interlocked.Exchange(ref _asked, 0) == 1) age = default;
                while (Free > 0 && await ClaimAsync(age, ct))
                {
                }
            }
            finally
            {
                _pulling.Release();
            }
        }
        while (Volatile.Read(ref _asked) == 1);
    }

    /// <summary>A look at the queue that nobody asked for; it tells the store, too, what the tenants at work here may have, where that changed.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        if (_told.Count > ToldMax) _told.Clear();
        foreach (var tenant in slots.Tenants()) await TellAsync(tenant, ct);
        await PullAsync(LeftFor, ct);
    }

    private async Task TellAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        // One that may have none now is not told: whether it is suspended the store sees itself.
        var share = await shareOf(tenant, ct);
        if (share.Concurrent == 0 || _told.GetValueOrDefault(tenant) == share) return;
        await leases.ShareAsync(tenant, share, ct);
        _told[tenant] = share;
    }

    /// <summary>False when there was nothing to take.</summary>
    private async Task<bool> ClaimAsync(TimeSpan age, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var signals = new WorkSignals();
        if (await leases.ClaimAsync(new ClaimOptions(FairOrder.LooksAtMinima(_turn), age), signals.Look, ct) is not var (claimed, lease)) return false;
        _turn = (_turn + 1) % FairOrder.MinimaPause;
        var slot = new RunSlot(claimed.Entry, signals);
        if (!slots.Add(slot, unlessTaken: false))
        {
            await lease.DisposeAsync();
            return false;
        }

        metrics.Claimed(claimed.Waited);
        Interlocked.Increment(ref _working);
        _ = Task.Run(() => OccupyAsync(slot, lease, claimed.TenantHolds), CancellationToken.None);
        return true;
    }

    private async Task OccupyAsync(RunSlot slot, RunLease lease, int tenantHolds)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(slots.Stopping, slot.Signals.Halted);
        try
        {
            await using var held = lease;
            using var ear = work.Listen(slot);
            await WorkAsync(slot, lease, tenantHolds, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // Stopped or halted: the queue entry stays and brings the session back.
        }
        finally
        {
            Interlocked.Decrement(ref _working);
            slots.Leave(slot);
            Ask(tenant: null);
        }
    }

    private async Task WorkAsync(RunSlot slot, RunLease lease, int tenantHolds, CancellationToken ct)
    {
        Exception? error;
        try
        {
            if (!await IsAllowedAsync(slot, lease, tenantHolds, ct)) return;
            error = await work.WorkAsync(slot, lease, ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            error = e;
        }

        if (error is null)
        {
            _failures.TryRemove(slot.Entry, out _);
            return;
        }

        // The entry waits, not a worker, and no other node tries it meanwhile.
        var failures = _failures.AddOrUpdate(slot.Entry, 0, static (_, count) => count + 1);
        var away = error is FaultException { Fault.Kind: FaultKind.Unavailable };
        if (!away) RunLog.WorkFailed(log, error, slot.Entry.Session);
        else if (failures == 0) RunLog.StoreAway(log, error, slot.Entry.Session);
        lease.PauseFor(Backoff.PauseAfter(failures, away ? Backoff.Longest : LocalTurns.RetryMax));
        if (_failures.Count > ToldMax) _failures.Clear();
    }

    /// <summary>The store goes by what it was told last, which may be more than holds now.</summary>
    private async Task<bool> IsAllowedAsync(RunSlot slot, RunLease lease, int tenantHolds, CancellationToken ct)
    {
        var share = await shareOf(slot.Entry.Tenant, ct);
        if (share.Concurrent == 0)
        {
            lease.PauseFor(RefusedPause);
            return false;
        }

        await TellAsync(slot.Entry.Tenant, ct);
        return tenantHolds <= share.Concurrent;
    }
}
