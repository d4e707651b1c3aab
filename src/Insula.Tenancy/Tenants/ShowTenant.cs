using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Tenancy.Tenants;

/// <summary>A tenant with its limits in force: any, for the operator; for a tenant its own, and another looks like none.</summary>
public sealed class ShowTenant(TenantStandings standings)
{
    public Task<Result<TenantStanding>> RunAsync(OperatorScope scope, Id<Tenant> id, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return FindAsync(id, ct);
    }

    public async Task<Result<TenantStanding>> RunAsync(TenantScope scope, Id<Tenant> id, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Read) is { } missing) return missing;
        return scope.Tenant == id ? await FindAsync(id, ct) : Fault.NotFound("tenant");
    }

    private async Task<Result<TenantStanding>> FindAsync(Id<Tenant> id, CancellationToken ct) =>
        await standings.FindAsync(id, ct) is { } standing ? standing : Fault.NotFound("tenant");
}
