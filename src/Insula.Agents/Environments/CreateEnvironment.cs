using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Environments;

/// <param name="Config">Null for the default: a cloud sandbox without a way out.</param>
public sealed record EnvironmentDefinition(
    string Name,
    string? Description,
    EnvironmentConfig? Config,
    IReadOnlyDictionary<string, string> Metadata);

/// <summary>Adds an environment with its config completed.</summary>
public sealed class CreateEnvironment(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<AgentEnvironment>> CreateAsync(TenantScope scope, EnvironmentDefinition definition, CancellationToken ct)
    {
        if (EnvironmentRules.Violation(definition.Name, definition.Description, definition.Metadata) is { } violation) return violation;
        if ((definition.Config ?? EnvironmentConfig.Default).Complete().Failed(out var badConfig, out var config)) return badConfig;

        var now = time.GetUtcNow();
        var environment = new AgentEnvironment(
            Id<AgentEnvironment>.New(), definition.Name, definition.Description, config, definition.Metadata, now, now, ArchivedAt: null);
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            await store.Environments.AddAsync(environment, ct);
        }

        await audit.AppendAsync(scope, "environment.create", environment.Id.ToString(), now, ct);
        return environment;
    }
}
