using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Input;
using Insula.Agents.Serialization;
using Insula.Agents.Sessions;
using Insula.Server.Http;
using Insula.Tenancy.Faults;

namespace Insula.Server.ManagedAgents;

internal sealed record CreateSessionBody(AgentChoiceBody Agent, string EnvironmentId)
{
    public string? Title { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public SessionBudget? Budget { get; init; }

    public IReadOnlyList<InputEventBody>? InitialEvents { get; init; }

    public IReadOnlyList<JsonElement>? Resources { get; init; }

    public IReadOnlyList<JsonElement>? VaultIds { get; init; }

    public Result<SessionDefinition> ToDefinition()
    {
        if (Unavailable.Violation("resources", Resources) is { } noResources) return noResources;
        if (Unavailable.Violation("vault_ids", VaultIds) is { } noVaults) return noVaults;
        if (Agent.ToChoice().Failed(out var badAgent, out var agent)) return badAgent;
        if (InputEventBody.ToInput("initial_events", InitialEvents ?? []).Failed(out var badEvents, out var events)) return badEvents;
        if (RouteIds.Find<AgentEnvironment>(EnvironmentId, "environment").Failed(out var noEnvironment, out var environment)) return noEnvironment;
        return new SessionDefinition(agent, environment, Title, Metadata ?? new Dictionary<string, string>(), Budget, events);
    }
}

internal static class Unavailable
{
    /// <summary>Refused rather than ignored: a session without the credentials or files it was given fails later and less clearly.</summary>
    public static Fault? Violation(string field, IReadOnlyList<JsonElement>? given) =>
        given is { Count: > 0 } ? Fault.Invalid(field, $"{field} is not available on this installation yet; leave it out or empty.", "not_available") : null;
}

/// <summary>An agent's id, or an object with the id, a version, and what this session does otherwise.</summary>
[JsonConverter(typeof(AgentChoiceBodyConverter))]
internal record AgentChoiceBody(string Type, string Id)
{
    private const string Plain = "agent";
    private const string WithOverrides = "agent_with_overrides";

    public int? Version { get; init; }

    public Change<string> System { get; init; }

    public ModelBody? Model { get; init; }

    public IReadOnlyList<ToolBody>? Tools { get; init; }

    public IReadOnlyList<McpServerBody>? McpServers { get; init; }

    public IReadOnlyList<SkillBody>? Skills { get; init; }

    public static AgentChoiceBody OfId(string id) => new(Plain, id);

    public Result<AgentChoice> ToChoice()
    {
        if (Type is not (Plain or WithOverrides)) return Fault.Invalid("agent.type", $"agent.type must be {Plain} or {WithOverrides}.");
        if (Version < 1) return Fault.Invalid("agent.version", "agent.version must be at least 1.");
        if (RouteIds.Find<Agent>(Id, "agent").Failed(out var missing, out var id)) return missing;
        if (Type is Plain) return new AgentChoice(id, Version, Overrides: null);

        var violation = ModelBody.Violation("agent.model", Model)
            ?? ToolBody.Violation("agent.tools", Tools)
            ?? McpServerBody.Violation("agent.mcp_servers", McpServers)
            ?? SkillBody.Violation("agent.skills", Skills);
        if (violation is not null) return violation;
        return new AgentChoice(id, Version, new AgentOverrides
        {
            Model = Model?.ToChoice(),
            System = System,
            Tools = ToolBody.ToEntries(Tools),
            McpServers = McpServerBody.ToServers(McpServers),
            Skills = SkillBody.ToJson(Skills),
        });
    }
}

internal sealed class AgentChoiceBodyConverter : JsonConverter<AgentChoiceBody>
{
    public override AgentChoiceBody? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? AgentChoiceBody.OfId(reader.GetString()!) : NestedJson.Read<ObjectForm>(ref reader, options);

    public override void Write(Utf8JsonWriter writer, AgentChoiceBody value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Bodies are only read.");

    /// <summary>The same without this converter, which derived types do not inherit.</summary>
    private sealed record ObjectForm(string Type, string Id) : AgentChoiceBody(Type, Id);
}

internal sealed record UpdateSessionBody
{
    public Change<string> Title { get; init; }

    public IReadOnlyDictionary<string, string?>? Metadata { get; init; }

    public Change<SessionBudget> Budget { get; init; }

    public SessionAgentBody? Agent { get; init; }

    public IReadOnlyList<JsonElement>? VaultIds { get; init; }

    public Result<SessionChanges> ToChanges()
    {
        var violation = Unavailable.Violation("vault_ids", VaultIds)
            ?? ToolBody.Violation("agent.tools", Agent?.Tools)
            ?? McpServerBody.Violation("agent.mcp_servers", Agent?.McpServers);
        return violation is not null
            ? violation
            : new SessionChanges(Title, Metadata, Budget, ToolBody.ToEntries(Agent?.Tools), McpServerBody.ToServers(Agent?.McpServers));
    }
}

internal sealed record SessionAgentBody
{
    public IReadOnlyList<ToolBody>? Tools { get; init; }

    public IReadOnlyList<McpServerBody>? McpServers { get; init; }
}
