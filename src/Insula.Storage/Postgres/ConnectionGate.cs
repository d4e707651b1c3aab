using Insula.Tenancy.Faults;

namespace Insula.Storage.Postgres;

/// <summary>
/// Lets a bounded number of units at a server's connections, and of one tenant only a part of them: one tenant's slow
/// statements leave room for the others. Who waits longer than the limit is refused and may come again.
/// </summary>
/// <param name="connectionsMax">Connections of the pool behind the gate.</param>
/// <param name="tenantMax">How many of them one tenant may hold.</param>
internal sealed class ConnectionGate(int connectionsMax, int tenantMax, TimeSpan waitLimit, string server, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _all = new(connectionsMax);
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);

    /// <param name="tenant">Empty for the platform, which only the pool bounds.</param>
    public ValueTask<Turn> EnterAsync(string tenant, CancellationToken ct)
    {
        var lane = tenant.Length == 0 ? null : Join(tenant);
        if (lane is null || lane.Free.Wait(0, CancellationToken.None))
        {
            if (_all.Wait(0, CancellationToken.None)) return new(new Turn(this, tenant, lane));
            lane?.Free.Release();
        }

        return new(WaitAsync(tenant, lane, ct));
    }

    public void Dispose() => _all.Dispose();

    private async Task<Turn> WaitAsync(string tenant, Lane? lane, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(waitLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            if (lane is not null) await lane.Free.WaitAsync(either.Token);
            try
            {
                await _all.WaitAsync(either.Token);
                return new Turn(this, tenant, lane);
            }
            catch
            {
                lane?.Free.Release();
                throw;
            }
        }
        catch (Exception error)
        {
            if (lane is not null) Leave(tenant, lane);
            if (error is OperationCanceledException && !ct.IsCancellationRequested)
                throw new FaultException(PgFaults.Busy(server, $"no connection within {waitLimit.TotalSeconds:0} s ({connectionsMax} in all, {tenantMax} for one tenant)"), error);
            throw;
        }
    }

    private Lane Join(string tenant)
    {
        lock (_lanes)
        {
            if (!_lanes.TryGetValue(tenant, out var lane)) _lanes[tenant] = lane = new Lane(tenantMax);
            lane.Users++;
            return lane;
        }
    }

    private void Leave(string tenant, Lane lane)
    {
        lock (_lanes)
        {
            if (--lane.Users == 0) _lanes.Remove(tenant);
        }
    }

    private void Exit(string tenant, Lane? lane)
    {
        _all.Release();
        if (lane is null) return;
        lane.Free.Release();
        Leave(tenant, lane);
    }

    /// <summary>A place at the connections until it is disposed.</summary>
    internal readonly struct Turn(ConnectionGate gate, string tenant, Lane? lane) : IDisposable
    {
        public void Dispose() => gate.Exit(tenant, lane);
    }

    /// <summary>One tenant's share; gone when nobody of the tenant holds or waits. The count is guarded by the lock on the lanes.</summary>
    internal sealed class Lane(int max)
    {
        public SemaphoreSlim Free { get; } = new(max);

        public int Users { get; set; }
    }
}
