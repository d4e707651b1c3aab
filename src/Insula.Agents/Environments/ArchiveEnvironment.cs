using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Environments;

/// <summary>Archives an environment: no new session starts in it. Archiving twice is fine.</summary>
public sealed class ArchiveEnvironment(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    private const int AttemptsMax = 8;

    public async Task<Result<AgentEnvironment>> ArchiveAsync(TenantScope scope, Id<AgentEnvironment> id, CancellationToken ct)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var now = time.GetUtcNow();
            await using var store = await stores.OpenAsync(scope, ct);
            if (await store.Environments.FindAsync(id, ct) is not { } current) return EnvironmentRules.NotFound;
            if (current.ArchivedAt is not null) return current;

            var archived = current with { ArchivedAt = now, UpdatedAt = now };
            if (!await store.Environments.ReplaceAsync(current, archived, ct)) continue;
            await audit.AppendAsync(scope, "environment.archive", id.ToString(), now, ct);
            return archived;
        }

        return Fault.Conflict("environment_busy", "The environment is being changed by others all the time; try again.");
    }
}
