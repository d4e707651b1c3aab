using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Agents;

/// <summary>One version of an agent. Versions count from 1 and are never changed; a run ends on the version it began with.</summary>
public sealed record Agent(
    Id<Agent> Id,
    int Version,
    AgentDefinition Definition,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? ArchivedAt) : IIdentified
{
    public static string IdPrefix => "agent";
}

/// <summary>What an agent is: the part that has versions and that a session takes a snapshot of.</summary>
public sealed record AgentDefinition
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    public required ModelChoice Model { get; init; }

    public string? System { get; init; }

    public IReadOnlyList<ToolEntry> Tools { get; init; } = [];

    public IReadOnlyList<McpServer> McpServers { get; init; } = [];

    /// <summary>What becomes of a message that comes while a run is queued or open; null for <see cref="Runs.InputPolicy.Enqueue"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public InputPolicy? InputPolicy { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RunLimitsAsked? RunLimits { get; init; }

    /// <summary>Kept and answered as given; nothing here runs a skill.</summary>
    public IReadOnlyList<JsonElement> Skills { get; init; } = [];

    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

/// <summary>The model and how to ask it. <paramref name="Id"/> is <c>provider/model</c> or a bare alias.</summary>
public sealed record ModelChoice(string Id, JsonElement? Effort = null, JsonElement? Speed = null, JsonElement? InferenceGeo = null);

/// <summary>What one run of the agent may take, where that is less than the installation's limits.</summary>
/// <param name="Steps">Model and tool calls.</param>
/// <param name="Seconds">Time at work; waiting for people does not count.</param>
/// <param name="Tokens">In and out, of all its model calls.</param>
/// <param name="Micros">What its steps may cost, in micro-dollars.</param>
public sealed record RunLimitsAsked(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Steps = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Seconds = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Tokens = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Micros = null);

public sealed record McpServer(string Name, string Url);

/// <summary>One entry of an agent's tool list, in the Managed Agents vocabulary.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(AgentToolset), "agent_toolset_20260401")]
[JsonDerivedType(typeof(McpToolset), "mcp_toolset")]
[JsonDerivedType(typeof(CustomTool), "custom")]
public abstract record ToolEntry;

/// <summary>The built-in tools, with a policy for all and exceptions by name.</summary>
public sealed record AgentToolset(ToolDefaults DefaultConfig, IReadOnlyList<ToolConfig> Configs) : ToolEntry;

public sealed record McpToolset(string McpServerName, ToolDefaults DefaultConfig, IReadOnlyList<ToolConfig> Configs) : ToolEntry;

/// <summary>A tool that the client runs: the session waits for <c>user.custom_tool_result</c>.</summary>
public sealed record CustomTool(string Name, string Description, JsonElement InputSchema) : ToolEntry;

public sealed record ToolDefaults(bool Enabled, PermissionPolicy PermissionPolicy);

public sealed record ToolConfig(string Name, bool Enabled, PermissionPolicy PermissionPolicy)
{
    /// <summary>Settings of one tool, such as the domains that <c>web_fetch</c> may reach; kept as given for the tool to read.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; init; }
}

/// <summary><c>always_allow</c>, <c>always_ask</c> or <c>auto</c>.</summary>
public sealed record PermissionPolicy(string Type)
{
    public static PermissionPolicy AlwaysAllow { get; } = new("always_allow");

    public static PermissionPolicy AlwaysAsk { get; } = new("always_ask");
}
