using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Environments;

/// <param name="Name">Null keeps it.</param>
/// <param name="Config">Null keeps it; members that it leaves out are kept, too.</param>
/// <param name="Metadata">A patch: a null or empty value removes its key.</param>
public sealed record EnvironmentChanges(
    string? Name,
    Change<string> Description,
    EnvironmentConfig? Config,
    IReadOnlyDictionary<string, string?>? Metadata);

/// <summary>Changes an environment. Runs under way keep what they began with; two changes at once never mix.</summary>
public sealed class UpdateEnvironment(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    private const int AttemptsMax = 8;

    public async Task<Result<AgentEnvironment>> UpdateAsync(
        TenantScope scope, Id<AgentEnvironment> id, EnvironmentChanges changes, CancellationToken ct)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var now = time.GetUtcNow();
            await using var store = await stores.OpenAsync(scope, ct);
            if (await store.Environments.FindAsync(id, ct) is not { } current) return EnvironmentRules.NotFound;
            if (current.ArchivedAt is not null) return EnvironmentRules.Archived;

            if (Apply(changes, current).Failed(out var fault, out var changed)) return fault;
            changed = changed with { UpdatedAt = now };
            if (!await store.Environments.ReplaceAsync(current, changed, ct)) continue;
            await audit.AppendAsync(scope, "environment.update", id.ToString(), now, ct);
            return changed;
        }

        return Fault.Conflict("environment_busy", "The environment is being changed by others all the time; try again.");
    }

    private static Result<AgentEnvironment> Apply(EnvironmentChanges changes, AgentEnvironment current)
    {
        var config = current.Config;
        if (changes.Config is { } given && given.Over(current.Config).Failed(out var badConfig, out config)) return badConfig;

        // An empty value removes its key here, unlike in agents and sessions.
        var patch = changes.Metadata?.ToDictionary(pair => pair.Key, pair => string.IsNullOrEmpty(pair.Value) ? null : pair.Value);
        var changed = current with
        {
            Name = changes.Name ?? current.Name,
            Description = changes.Description.Over(current.Description),
            Config = config,
            Metadata = Check.Patched(current.Metadata, patch),
        };
        return EnvironmentRules.Violation(changed.Name, changed.Description, changed.Metadata) is { } violation ? violation : changed;
    }
}
