using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;

namespace Insula.Agents.Agents;

/// <summary>Adds an agent as its version 1.</summary>
public sealed class CreateAgent(ITenantStores stores, AllowWork allow, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Agent>> CreateAsync(TenantScope scope, AgentDefinition definition, CancellationToken ct)
    {
        if (AgentRules.Violation(definition) is { } violation) return violation;

        if ((await allow(scope, RateClasses.None, ct)).Failed(out var unknown, out var limits)) return unknown;

        var now = time.GetUtcNow();
        var agent = new Agent(Id<Agent>.New(), 1, definition, now, now, ArchivedAt: null);
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if ((await store.Agents.AddAsync(agent, limits.Agents, ct)).Failed(out var full, out _)) return full;
        }

        await audit.AppendAsync(scope, "agent.create", agent.Id.ToString(), now, ct);
        return agent;
    }
}
