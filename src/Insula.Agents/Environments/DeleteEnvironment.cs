using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Environments;

/// <summary>Removes an environment. Sessions that used it keep their log and cannot start a new run.</summary>
public sealed class DeleteEnvironment(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Done>> DeleteAsync(TenantScope scope, Id<AgentEnvironment> id, CancellationToken ct)
    {
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (!await store.Environments.RemoveAsync(id, ct)) return EnvironmentRules.NotFound;
        }

        await audit.AppendAsync(scope, "environment.delete", id.ToString(), time.GetUtcNow(), ct);
        return default(Done);
    }
}
