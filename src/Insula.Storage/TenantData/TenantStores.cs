using Insula.Agents;
using Insula.Tenancy.Access;

namespace Insula.Storage.TenantData;

internal sealed class TenantStores(SqliteStorage storage) : ITenantStores
{
    public async ValueTask<ITenantStore> OpenAsync(TenantScope scope, CancellationToken ct) =>
        new TenantStore(await storage.TenantFiles.LeaseAsync(scope.Tenant, ct), scope.Tenant.ToString());
}
