using System.Collections.Concurrent;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Postgres;

/// <summary>
/// Makes the place of a tenant's data and keeps it up to date: nothing for <c>shared</c>, a schema with a role of its own,
/// or a database. Run before a tenant is acknowledged, and again at its first use on each node, so that a tenant migrates
/// when it is next used. Idempotent; two nodes that do it at once do it once.
/// </summary>
internal sealed class PlaceTenants(PostgresStorage storage) : ITenantStorage
{
    /// <summary>Tenants seen up to date by this node. An entry that failed is taken out, so that the next use tries again.</summary>
    private readonly ConcurrentDictionary<Id<Tenant>, Lazy<Task>> _ready = [];

    /// <summary>A burst of first uses takes turns at the owner's few connections, instead of being refused by their pool.</summary>
    private readonly SemaphoreSlim _turns = new(4);

    public Task PrepareAsync(Tenant tenant, CancellationToken ct) => EnsureAsync(storage.ServerOf(tenant.Server), tenant.Id, tenant.Placement, ct);

    public Task EnsureAsync(PgServer server, Id<Tenant> tenant, Placement placement, CancellationToken ct)
    {
        if (placement == Placement.Shared) return Task.CompletedTask;
        // Not cancelled by one caller: others wait for the same work.
        var work = _ready.GetOrAdd(tenant, static (id, given) => new Lazy<Task>(() => given.self.RunAsync(given.server, id, given.placement)), (self: this, server, placement)).Value;
        return work.IsCompletedSuccessfully ? Task.CompletedTask : work.WaitAsync(ct);
    }

    private async Task RunAsync(PgServer server, Id<Tenant> tenant, Placement placement)
    {
        await _turns.WaitAsync();
        try
        {
            await server.Places(PgPatience.OfUse).EnsureAsync(PgPlaces.Of(server, tenant, placement), storage.Closing);
            if (placement == Placement.Schema) await server.RefuseUnsafeSchemaAsync(tenant, storage.Closing);
            else await server.RefuseUnsafeDatabaseAsync(tenant, storage.Closing);
        }
        catch (Exception error)
        {
            _ready.TryRemove(tenant, out _);
            throw error is OperationCanceledException ? new FaultException(PostgresStorage.Closed, error) : PgFaults.Map(error, server.Name);
        }
        finally
        {
            _turns.Release();
        }
    }
}
