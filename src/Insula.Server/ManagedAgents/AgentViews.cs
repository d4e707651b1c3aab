using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Agents;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

internal sealed record AgentView(
    Id<Agent> Id,
    string Type,
    int Version,
    string Name,
    string? Description,
    ModelView Model,
    string? System,
    IReadOnlyList<ToolView> Tools,
    IReadOnlyList<McpServerView> McpServers,
    IReadOnlyList<JsonElement> Skills,
    JsonElement? Multiagent,
    ExecutionIdentityView ExecutionIdentity,
    IReadOnlyDictionary<string, string> Metadata,
    DateTime CreatedAt,
    DateTime UpdatedAt,
    DateTime? ArchivedAt,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] InputPolicy? InputPolicy,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] RunLimitsAsked? RunLimits)
{
    public static AgentView Of(Agent agent)
    {
        var definition = agent.Definition;
        return new AgentView(
            agent.Id,
            "agent",
            agent.Version,
            definition.Name,
            definition.Description,
            ModelView.Of(definition.Model),
            definition.System,
            [.. definition.Tools.Select(ToolView.Of)],
            [.. definition.McpServers.Select(McpServerView.Of)],
            definition.Skills,
            Multiagent: null,
            ExecutionIdentityView.ServiceAccount,
            definition.Metadata,
            agent.CreatedAt.UtcDateTime,
            agent.UpdatedAt.UtcDateTime,
            agent.ArchivedAt?.UtcDateTime,
            definition.InputPolicy,
            definition.RunLimits);
    }
}

/// <summary>A session's snapshot of its agent.</summary>
internal sealed record SessionAgentView(
    Id<Agent> Id,
    string Type,
    int Version,
    string Name,
    string? Description,
    ModelView Model,
    string? System,
    IReadOnlyList<ToolView> Tools,
    IReadOnlyList<McpServerView> McpServers,
    IReadOnlyList<JsonElement> Skills,
    JsonElement? Multiagent,
    ExecutionIdentityView ExecutionIdentity)
{
    public static SessionAgentView Of(Id<Agent> id, int version, AgentDefinition definition) => new(
        id,
        "agent",
        version,
        definition.Name,
        definition.Description,
        ModelView.Of(definition.Model),
        definition.System,
        [.. definition.Tools.Select(ToolView.Of)],
        [.. definition.McpServers.Select(McpServerView.Of)],
        definition.Skills,
        Multiagent: null,
        ExecutionIdentityView.ServiceAccount);
}

internal sealed record ExecutionIdentityView(string Type)
{
    public static ExecutionIdentityView ServiceAccount { get; } = new("service_account");
}

internal sealed record ModelView(
    string Id,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Effort,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Speed,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? InferenceGeo)
{
    public static ModelView Of(ModelChoice model) => new(model.Id, model.Effort, model.Speed, model.InferenceGeo);
}

internal sealed record McpServerView(string Type, string Name, string Url)
{
    public static McpServerView Of(McpServer server) => new("url", server.Name, server.Url);
}

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(AgentToolsetView), "agent_toolset_20260401")]
[JsonDerivedType(typeof(McpToolsetView), "mcp_toolset")]
[JsonDerivedType(typeof(CustomToolView), "custom")]
internal abstract record ToolView
{
    public static ToolView Of(ToolEntry tool) => tool switch
    {
        AgentToolset toolset => new AgentToolsetView(toolset.DefaultConfig, [.. toolset.Configs.Select(ToolConfigView.OfBuiltIn)]),
        McpToolset toolset => new McpToolsetView(toolset.McpServerName, toolset.DefaultConfig, [.. toolset.Configs.Select(ToolConfigView.Of)]),
        CustomTool custom => new CustomToolView(custom.Name, custom.Description, custom.InputSchema),
        _ => throw new ArgumentOutOfRangeException(nameof(tool), tool, "Not a kind of tool."),
    };
}

internal sealed record AgentToolsetView(ToolDefaults DefaultConfig, IReadOnlyList<ToolConfigView> Configs) : ToolView;

internal sealed record McpToolsetView(string McpServerName, ToolDefaults DefaultConfig, IReadOnlyList<ToolConfigView> Configs) : ToolView;

internal sealed record CustomToolView(string Name, string Description, JsonElement InputSchema) : ToolView;

/// <param name="Type">The tool's name again, for the built-in tools only.</param>
internal sealed record ToolConfigView(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Type, string Name, bool Enabled, PermissionPolicy PermissionPolicy)
{
    private static readonly JsonElement Null = JsonElement.Parse("null");

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; init; }

    public static ToolConfigView Of(ToolConfig config) => new(null, config.Name, config.Enabled, config.PermissionPolicy) { Rest = config.Rest };

    public static ToolConfigView OfBuiltIn(ToolConfig config)
    {
        // The clients' types want url_sources of web_fetch always, null for every source.
        var rest = config.Name is "web_fetch" ? new Dictionary<string, JsonElement>(config.Rest ?? []) : config.Rest;
        if (config.Name is "web_fetch") rest!.TryAdd("url_sources", Null);
        return new(config.Name, config.Name, config.Enabled, config.PermissionPolicy) { Rest = rest };
    }
}
