using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Agents;

/// <summary>Archives an agent: it can be looked at, and starts no new session. Sessions that exist go on. Archiving twice is fine.</summary>
public sealed class ArchiveAgent(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Agent>> ArchiveAsync(TenantScope scope, Id<Agent> id, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        Agent? agent;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            agent = await store.Agents.ArchiveAsync(id, now, ct);
        }

        if (agent is null) return AgentRules.NotFound;
        await audit.AppendAsync(scope, "agent.archive", id.ToString(), now, ct);
        return agent;
    }
}
