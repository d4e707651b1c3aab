using System.Collections.Concurrent;
using Insula.Agents;
using Insula.Storage.Engine;
using Insula.Storage.TenantData;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Postgres;

/// <summary>The placements <c>shared</c>, <c>schema</c> and <c>database</c>: the tenant's row says which, and on which server.</summary>
internal sealed class PgStores(PostgresStorage storage, PlaceTenants places, ITenantDirectory directory) : ITenantStores
{
    private const int KnownMax = 100_000;

    private readonly SessionQuota _sessions = new();

    /// <summary>Where tenants live, which never changes while a program runs. Emptied when it grows too large.</summary>
    private readonly ConcurrentDictionary<Id<Tenant>, (Placement Placement, PgServer Server)> _known = [];

    public async ValueTask<ITenantStore> OpenAsync(TenantScope scope, CancellationToken ct)
    {
        if (!_known.TryGetValue(scope.Tenant, out var place)) place = await FindAsync(scope.Tenant, ct);
        await places.EnsureAsync(place.Server, scope.Tenant, place.Placement, ct);
        return new TenantStore(await place.Server.LeaseAsync(scope.Tenant, place.Placement, ct), scope.Tenant.ToString(), _sessions);
    }

    private async Task<(Placement Placement, PgServer Server)> FindAsync(Id<Tenant> id, CancellationToken ct)
    {
        var tenant = await directory.FindAsync(id, ct) ?? throw new FaultException(Fault.NotFound("tenant"));
        if (_known.Count >= KnownMax) _known.Clear();
        return _known[id] = (tenant.Placement, storage.ServerOf(tenant.Server));
    }
}

/// <summary>The control store in the main database.</summary>
internal sealed class ControlSchema(PostgresStorage storage) : ControlDatabase
{
    public override Dialect Dialect => Dialect.Postgres;

    public override Database Platform => storage.Control(PgScope.OfPlatform);

    public override Database For(Id<Tenant> tenant) => storage.Control(PgScope.InControl(tenant));
}
