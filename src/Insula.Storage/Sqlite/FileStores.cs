using Insula.Agents;
using Insula.Storage.Engine;
using Insula.Storage.TenantData;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Sqlite;

/// <summary>The placement <c>file</c>: every tenant on a file of its own.</summary>
internal sealed class FileStores(SqliteStorage storage) : ITenantStores
{
    private readonly SessionQuota _sessions = new();

    public async ValueTask<ITenantStore> OpenAsync(TenantScope scope, CancellationToken ct) =>
        new TenantStore(await storage.TenantFiles.LeaseAsync(scope.Tenant, ct), scope.Tenant.ToString(), _sessions);
}

/// <summary>The control store on its one file.</summary>
internal sealed class ControlFile(SqliteStorage storage) : ControlDatabase
{
    public override Dialect Dialect => Dialect.Sqlite;

    public override Database Platform => storage.Control;

    public override Database For(Id<Tenant> tenant) => storage.Control;
}
