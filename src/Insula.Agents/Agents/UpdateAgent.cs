using System.Text.Json;
using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Agents.Serialization;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Agents;

/// <summary>What an update changes; a list replaces the whole list.</summary>
/// <param name="Version">The version that the caller saw; the update is refused when the agent moved on. Null updates whatever is newest.</param>
public sealed record AgentChanges(int? Version)
{
    public Change<string> Name { get; init; }

    public Change<string> Description { get; init; }

    /// <summary>A model without an effort keeps the stored effort; everything else of the model is replaced.</summary>
    public Change<ModelChange> Model { get; init; }

    public Change<string> System { get; init; }

    public Change<IReadOnlyList<ToolEntry>> Tools { get; init; }

    public Change<IReadOnlyList<McpServer>> McpServers { get; init; }

    public Change<IReadOnlyList<JsonElement>> Skills { get; init; }

    public Change<InputPolicy?> InputPolicy { get; init; }

    public Change<RunLimitsAsked?> RunLimits { get; init; }

    /// <summary>A patch: a null value removes its key.</summary>
    public IReadOnlyDictionary<string, string?>? Metadata { get; init; }
}

/// <param name="KeepsEffort">Whether the update said nothing about the effort.</param>
public sealed record ModelChange(ModelChoice Model, bool KeepsEffort);

/// <summary>
/// Adds the next version of an agent. An update that changes nothing adds none. Two updates at once never mix: each is
/// applied to the newest version as a whole, and with <see cref="AgentChanges.Version"/> the later one is refused.
/// </summary>
public sealed class UpdateAgent(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    private const int AttemptsMax = 8;

    public async Task<Result<Agent>> UpdateAsync(TenantScope scope, Id<Agent> id, AgentChanges changes, CancellationToken ct)
    {
        if (changes.Name is { IsGiven: true, Value: null }) return Fault.Invalid("name", "name cannot be cleared; leave it out to keep it.");
        if (changes.Model is { IsGiven: true, Value: null }) return Fault.Invalid("model", "model cannot be cleared; leave it out to keep it.");

        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var now = time.GetUtcNow();
            await using var store = await stores.OpenAsync(scope, ct);
            if (await store.Agents.FindAsync(id, version: null, ct) is not { } current) return AgentRules.NotFound;
            if (current.ArchivedAt is not null) return Fault.Conflict("agent_archived", "The agent is archived and cannot be changed; create a new one.");
            if (changes.Version is { } seen && seen != current.Version) return VersionConflict(seen, current.Version);

            var definition = Apply(changes, current.Definition);
            if (AgentRules.Violation(definition) is { } violation) return violation;
            if (Same(definition, current.Definition)) return current;

            var next = current with { Version = current.Version + 1, Definition = definition, UpdatedAt = now };
            if (!await store.Agents.AddVersionAsync(next, ct)) continue;
            await audit.AppendAsync(scope, "agent.update", id.ToString(), now, ct);
            return next;
        }

        return Fault.Conflict("agent_busy", "The agent is being changed by others all the time; try again.");
    }

    private static Fault VersionConflict(int seen, int current) => Fault.Conflict(
        "version_conflict", $"The update is for version {seen}, but the agent is at version {current}. Read the agent and repeat the change.");

    private static AgentDefinition Apply(AgentChanges changes, AgentDefinition current) => current with
    {
        Name = changes.Name.Value ?? current.Name,
        Description = Blank(changes.Description.Over(current.Description)),
        Model = changes.Model.Value is { } change ? change.Model with { Effort = change.KeepsEffort ? current.Model.Effort : change.Model.Effort } : current.Model,
        System = Blank(changes.System.Over(current.System)),
        Tools = changes.Tools.Over(current.Tools) ?? [],
        McpServers = changes.McpServers.Over(current.McpServers) ?? [],
        Skills = changes.Skills.Over(current.Skills) ?? [],
        Metadata = Check.Patched(current.Metadata, changes.Metadata),
        InputPolicy = changes.InputPolicy.Over(current.InputPolicy),
        RunLimits = changes.RunLimits.Over(current.RunLimits),
    };

    // An empty string clears, as null does.
    private static string? Blank(string? text) => string.IsNullOrEmpty(text) ? null : text;

    // The stored form decides: two definitions that are stored alike are the same version.
    private static bool Same(AgentDefinition a, AgentDefinition b) => JsonElement.DeepEquals(
        JsonSerializer.SerializeToElement(a, AgentsJson.Options), JsonSerializer.SerializeToElement(b, AgentsJson.Options));
}
