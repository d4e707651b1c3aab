using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>The workers of a node that keeps the order of turns in memory. Who comes waits for its turn by <see cref="FairOrder"/>.</summary>
internal sealed class RunTurns(int workersMax, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly FairOrder _order = new(workersMax);
    private readonly Dictionary<FairOrder.Entry, Waiter> _waiting = [];
    private readonly Dictionary<QueuedSession, FairOrder.Entry> _bySession = [];

    /// <summary>Waits for a worker; when the token ends first, none is taken.</summary>
    public async Task<Turn> EnterAsync(QueuedSession session, RunShare share, int priority, DateTimeOffset ready, CancellationToken ct)
    {
        FairOrder.Entry entry;
        var waiter = new Waiter(session);
        lock (_lock)
        {
            entry = _order.Add(session.Tenant, share, priority, ready);
            _waiting[entry] = waiter;
            _bySession[session] = entry;
            Call();
        }

        await using var registration = ct.Register(() => Abandon(entry, ct));
        await waiter.Called.Task;
        return new Turn(this, entry, time.GetTimestamp());
    }

    /// <summary>The session was woken with this priority while it waits, if it does.</summary>
    public void Raise(QueuedSession session, int priority)
    {
        lock (_lock)
        {
            if (_bySession.TryGetValue(session, out var entry)) _order.Raise(entry, priority);
        }
    }

    public WorkersNow Of(Id<Tenant> tenant)
    {
        lock (_lock) return new WorkersNow(workersMax, _order.Free, _order.WaitingWeight, _order.CostOf(tenant));
    }

    private void Call()
    {
        while (_order.Next() is { } next) Take(next)!.Called.SetResult();
    }

    private void Abandon(FairOrder.Entry entry, CancellationToken ct)
    {
        Waiter? waiter;
        lock (_lock)
        {
            // One that was called has its worker, and its owner will give it back.
            if (Take(entry) is not { } waits) return;
            waiter = waits;
            _order.Remove(entry);
        }

        waiter.Called.SetCanceled(ct);
    }

    private Waiter? Take(FairOrder.Entry entry)
    {
        if (!_waiting.Remove(entry, out var waiter)) return null;
        if (_bySession.TryGetValue(waiter.Session, out var current) && current == entry) _bySession.Remove(waiter.Session);
        return waiter;
    }

    private void End(FairOrder.Entry entry, double cost)
    {
        lock (_lock)
        {
            _order.End(entry, cost);
            Call();
        }
    }

    private TimeSpan Since(long began) => time.GetElapsedTime(began);

    /// <summary>A worker, until it is disposed.</summary>
    internal sealed class Turn(RunTurns turns, FairOrder.Entry entry, long began) : IDisposable
    {
        public void Dispose() => turns.End(entry, RunCost.Of(turns.Since(began)));
    }

    private sealed class Waiter(QueuedSession session)
    {
        public QueuedSession Session => session;

        public TaskCompletionSource Called { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
