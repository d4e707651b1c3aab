using Insula.Tenancy.Placements;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Sqlite;

/// <summary>A tenant's file comes to be at its first use, so there is nothing to make before.</summary>
internal sealed class EmbeddedTenantStorage : ITenantStorage
{
    public Task PrepareAsync(Tenant tenant, CancellationToken ct) => Task.CompletedTask;
}
