using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>The workers of a node that keeps the order of turns in memory. Who comes waits for its turn by <see cref="FairOrder"/>.</summary>
internal sealed class RunTurns(int workersMax, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly FairOrder _order = new(workersMax);
    private readonly Dictionary<FairOrder.Entry, TaskCompletionSource> _waiting = [];

    /// <summary>Waits for a worker; when the token ends first, none is taken.</summary>
    public async Task<Turn> EnterAsync(Id<Tenant> tenant, RunShare share, int priority, DateTimeOffset ready, CancellationToken ct)
    {
        FairOrder.Entry entry;
        var called = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            entry = _order.Add(tenant, share, priority, ready);
            _waiting[entry] = called;
            Call();
        }

        await using var registration = ct.Register(() => Abandon(entry, ct));
        await called.Task;
        return new Turn(this, entry, time.GetTimestamp());
    }

    public WorkersNow Of(Id<Tenant> tenant)
    {
        lock (_lock) return new WorkersNow(workersMax, _order.Free, _order.WaitingWeight, _order.CostOf(tenant));
    }

    private void Call()
    {
        while (_order.Next() is { } next)
        {
            _waiting.Remove(next, out var called);
            called!.SetResult();
        }
    }

    private void Abandon(FairOrder.Entry entry, CancellationToken ct)
    {
        TaskCompletionSource? called;
        lock (_lock)
        {
            // One that was called has its worker, and its owner will give it back.
            if (!_waiting.Remove(entry, out called)) return;
            _order.Remove(entry);
        }

        called.SetCanceled(ct);
    }

    private void End(FairOrder.Entry entry, double cost)
    {
        lock (_lock)
        {
            _order.End(entry, cost);
            Call();
        }
    }

    /// <summary>A worker, until it is disposed.</summary>
    internal sealed class Turn(RunTurns turns, FairOrder.Entry entry, long began) : IDisposable
    {
        public void Dispose() => turns.End(entry, RunCost.Of(turns.Since(began)));
    }

    private TimeSpan Since(long began) => time.GetElapsedTime(began);
}
