using Insula.Storage.Engine;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Postgres;

/// <summary>
/// The pools to tenants' own databases on one server. A connection belongs to one database, so a pool for each tenant
/// would add up without bound: a limited number is open, and the one that was not used for longest makes room. Held under
/// one lock; nothing is awaited in it.
/// </summary>
internal sealed class OwnDatabases(PgServer server, PostgresOptions options, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Id<Tenant>, Pool> _pools = [];
    private readonly SemaphoreSlim _room = new(options.OpenDatabasesMax);
    private long _clock;

    public async ValueTask<TenantLease> LeaseAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        if (TryJoin(tenant) is { } open) return open;
        if (_room.Wait(0, CancellationToken.None)) return await OpenAsync(tenant);

        using var limit = new CancellationTokenSource(options.ConnectionWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await _room.WaitAsync(either.Token);
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new FaultException(PgFaults.Busy(server.Name, $"all {options.OpenDatabasesMax} tenants' databases are in use"), error);
        }

        return await OpenAsync(tenant);
    }

    public async ValueTask DisposeAsync()
    {
        Pool[] pools;
        lock (_pools)
        {
            pools = [.. _pools.Values];
            _pools.Clear();
        }

        foreach (var pool in pools) await pool.DisposeAsync();
        _room.Dispose();
    }

    /// <summary>A pool that has no user holds a place in <see cref="_room"/> no more: it may be closed for another.</summary>
    private Lease? TryJoin(Id<Tenant> tenant)
    {
        lock (_pools)
        {
            if (!_pools.TryGetValue(tenant, out var pool)) return null;
            if (pool.Users == 0 && !_room.Wait(0, CancellationToken.None)) return null;
            return Join(pool);
        }
    }

    /// <summary>Called with a place taken in <see cref="_room"/>.</summary>
    private async ValueTask<TenantLease> OpenAsync(Id<Tenant> tenant)
    {
        Pool? closed = null;
        Lease lease;
        lock (_pools)
        {
            if (_pools.TryGetValue(tenant, out var pool))
            {
                // Opened by somebody else meanwhile: if it is in use it has its place already.
                if (pool.Users > 0) _room.Release();
            }
            else
            {
                if (_pools.Count >= options.OpenDatabasesMax)
                {
                    var (oldest, idle) = _pools.Where(static entry => entry.Value.Users == 0).MinBy(static entry => entry.Value.LastUse);
                    _pools.Remove(oldest);
                    closed = idle;
                }

                _pools[tenant] = pool = new Pool(server, options, tenant, time);
            }

            lease = Join(pool);
        }

        if (closed is not null) await closed.DisposeAsync();
        return lease;
    }

    private Lease Join(Pool pool)
    {
        pool.Users++;
        return new Lease(this, pool);
    }

    private void Leave(Pool pool)
    {
        lock (_pools)
        {
            pool.LastUse = ++_clock;
            if (--pool.Users == 0) _room.Release();
        }
    }

    /// <summary>The connections to one tenant's database. Users and last use are guarded by the lock on the pools.</summary>
    private sealed class Pool : IAsyncDisposable
    {
        private readonly PgPool _connections;
        private readonly ConnectionGate _gate;

        public Pool(PgServer server, PostgresOptions options, Id<Tenant> tenant, TimeProvider time)
        {
            var source = server.RuntimeOf(PgNames.DatabaseOf(server.MainDatabase, tenant));
            _gate = new(options.DatabaseConnectionsMax, options.DatabaseConnectionsMax, options.ConnectionWait, server.Name, time);
            _connections = new(source, _gate, server.Name, IdleMax, time);
            Database = new PgDatabase(_connections, PgScope.InTenants(tenant));
        }

        public Database Database { get; }

        public int Users { get; set; }

        public long LastUse { get; set; }

        public async ValueTask DisposeAsync()
        {
            await _connections.DisposeAsync();
            _gate.Dispose();
        }
    }

    private sealed class Lease(OwnDatabases databases, Pool pool) : TenantLease
    {
        protected override Database Leased => pool.Database;

        protected override void Release() => databases.Leave(pool);
    }
}
