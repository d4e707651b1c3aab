using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Environments;

/// <summary>Gives one environment, archived or not.</summary>
public sealed class ShowEnvironment(ITenantStores stores)
{
    public async Task<Result<AgentEnvironment>> ShowAsync(TenantScope scope, Id<AgentEnvironment> id, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Environments.FindAsync(id, ct) is { } environment ? environment : EnvironmentRules.NotFound;
    }
}
