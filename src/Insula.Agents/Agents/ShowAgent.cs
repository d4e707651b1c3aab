using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Agents;

/// <summary>Gives the newest version of an agent, or the one asked for.</summary>
public sealed class ShowAgent(ITenantStores stores)
{
    public async Task<Result<Agent>> ShowAsync(TenantScope scope, Id<Agent> id, int? version, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await store.Agents.FindAsync(id, version, ct) is { } agent ? agent : AgentRules.NotFound;
    }
}
