using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Agents.Serialization;
using Insula.Tenancy.Faults;

namespace Insula.Server.ManagedAgents;

internal sealed record CreateAgentBody(string Name, ModelBody Model)
{
    public string? Description { get; init; }

    public string? System { get; init; }

    public IReadOnlyList<ToolBody>? Tools { get; init; }

    public IReadOnlyList<McpServerBody>? McpServers { get; init; }

    public IReadOnlyList<SkillBody>? Skills { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public ExecutionIdentityBody? ExecutionIdentity { get; init; }

    public JsonElement? Multiagent { get; init; }

    public InputPolicy? InputPolicy { get; init; }

    public RunLimitsAsked? RunLimits { get; init; }

    public Result<AgentDefinition> ToDefinition() =>
        AgentParts.Violation(Model, Tools, McpServers, Skills, ExecutionIdentity, Multiagent) is { } violation
            ? violation
            : new AgentDefinition
            {
                Name = Name,
                Description = Description,
                Model = Model.ToChoice(),
                System = System,
                Tools = ToolBody.ToEntries(Tools) ?? [],
                McpServers = McpServerBody.ToServers(McpServers) ?? [],
                Skills = SkillBody.ToJson(Skills) ?? [],
                Metadata = Metadata ?? new Dictionary<string, string>(),
                InputPolicy = InputPolicy,
                RunLimits = RunLimits,
            };
}

internal sealed record UpdateAgentBody
{
    public int? Version { get; init; }

    public Change<string> Name { get; init; }

    public Change<string> Description { get; init; }

    public Change<ModelBody> Model { get; init; }

    public Change<string> System { get; init; }

    public Change<IReadOnlyList<ToolBody>> Tools { get; init; }

    public Change<IReadOnlyList<McpServerBody>> McpServers { get; init; }

    public Change<IReadOnlyList<SkillBody>> Skills { get; init; }

    public IReadOnlyDictionary<string, string?>? Metadata { get; init; }

    public ExecutionIdentityBody? ExecutionIdentity { get; init; }

    public JsonElement? Multiagent { get; init; }

    public Change<InputPolicy?> InputPolicy { get; init; }

    public Change<RunLimitsAsked?> RunLimits { get; init; }

    public Result<AgentChanges> ToChanges()
    {
        if (Version < 1) return Fault.Invalid("version", "version must be at least 1.");
        return AgentParts.Violation(Model.Value, Tools.Value, McpServers.Value, Skills.Value, ExecutionIdentity, Multiagent) is { } violation
            ? violation
            : new AgentChanges(Version)
            {
                Name = Name,
                Description = Description,
                Model = Model.Map(model => model?.ToChange()),
                System = System,
                Tools = Tools.Map(ToolBody.ToEntries),
                McpServers = McpServers.Map(McpServerBody.ToServers),
                Skills = Skills.Map(SkillBody.ToJson),
                Metadata = Metadata,
                InputPolicy = InputPolicy,
                RunLimits = RunLimits,
            };
    }
}

/// <summary>What creates, updates and overrides check alike.</summary>
internal static class AgentParts
{
    public static Fault? Violation(
        ModelBody? model,
        IReadOnlyList<ToolBody>? tools,
        IReadOnlyList<McpServerBody>? servers,
        IReadOnlyList<SkillBody>? skills,
        ExecutionIdentityBody? identity,
        JsonElement? multiagent) =>
        ModelBody.Violation("model", model)
        ?? ToolBody.Violation("tools", tools)
        ?? McpServerBody.Violation("mcp_servers", servers)
        ?? SkillBody.Violation("skills", skills)
        ?? (identity is null or { Type: "service_account" }
            ? null
            : Fault.Invalid("execution_identity.type", "execution_identity.type must be service_account: other identities are not available on this installation.", "not_available"))
        ?? (multiagent is null or { ValueKind: JsonValueKind.Null }
            ? null
            : Fault.Invalid("multiagent", "multiagent is not available on this installation yet; leave it out.", "not_available"));
}

internal sealed record ExecutionIdentityBody(string Type);

internal sealed record McpServerBody(string Type, string Name, string Url)
{
    public static Fault? Violation(string field, IReadOnlyList<McpServerBody>? servers) =>
        NullEntries.In(field, servers)
        ?? servers?.Select((server, i) => server.Type is "url" ? null : Fault.Invalid($"{field}[{i}].type", $"{field}[{i}].type must be url."))
            .FirstOrDefault(fault => fault is not null);

    public static IReadOnlyList<McpServer>? ToServers(IReadOnlyList<McpServerBody>? servers) =>
        servers is null ? null : [.. servers.Select(server => new McpServer(server.Name, server.Url))];
}

internal sealed record SkillBody(string Type, string SkillId, string? Version = null)
{
    public static Fault? Violation(string field, IReadOnlyList<SkillBody>? skills) =>
        NullEntries.In(field, skills)
        ?? skills?.Select((skill, i) => skill switch
        {
            { Type: not ("anthropic" or "custom") } => Fault.Invalid($"{field}[{i}].type", $"{field}[{i}].type must be anthropic or custom."),
            { SkillId.Length: 0 or > 256 } => Fault.Invalid($"{field}[{i}].skill_id", $"{field}[{i}].skill_id must have 1 to 256 characters."),
            { Version.Length: 0 or > 64 } => Fault.Invalid($"{field}[{i}].version", $"{field}[{i}].version must have 1 to 64 characters."),
            _ => null,
        }).FirstOrDefault(fault => fault is not null);

    public static IReadOnlyList<JsonElement>? ToJson(IReadOnlyList<SkillBody>? skills) => skills is null
        ? null
        : [.. skills.Select(skill => JsonSerializer.SerializeToElement(skill with { Version = skill.Version ?? "latest" }, AgentsJson.Options))];
}
