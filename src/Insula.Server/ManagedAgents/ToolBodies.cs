using System.Text.Json;
using System.Text.Json.Serialization;
using Insula.Agents.Agents;
using Insula.Tenancy.Faults;

namespace Insula.Server.ManagedAgents;

/// <summary>A tool as a client gives it; what it leaves out is completed on the way in.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(AgentToolsetBody), "agent_toolset_20260401")]
[JsonDerivedType(typeof(McpToolsetBody), "mcp_toolset")]
[JsonDerivedType(typeof(CustomToolBody), "custom")]
internal abstract record ToolBody
{
    protected abstract Fault? NullEntry(string field);

    protected abstract ToolEntry ToEntry();

    public static Fault? Violation(string field, IReadOnlyList<ToolBody>? tools) =>
        NullEntries.In(field, tools) ?? tools?.Select((tool, i) => tool.NullEntry($"{field}[{i}]")).FirstOrDefault(fault => fault is not null);

    public static IReadOnlyList<ToolEntry>? ToEntries(IReadOnlyList<ToolBody>? tools) => tools is null ? null : [.. tools.Select(tool => tool.ToEntry())];
}

internal sealed record AgentToolsetBody(IReadOnlyList<ToolConfigBody>? Configs = null, ToolDefaultsBody? DefaultConfig = null) : ToolBody
{
    protected override Fault? NullEntry(string field) => NullEntries.In($"{field}.configs", Configs);

    protected override ToolEntry ToEntry()
    {
        var defaults = ToolDefaultsBody.Complete(DefaultConfig, PermissionPolicy.AlwaysAllow);
        return new AgentToolset(defaults, ToolConfigBody.Complete(Configs, defaults));
    }
}

internal sealed record McpToolsetBody(string McpServerName, IReadOnlyList<ToolConfigBody>? Configs = null, ToolDefaultsBody? DefaultConfig = null) : ToolBody
{
    protected override Fault? NullEntry(string field) => NullEntries.In($"{field}.configs", Configs);

    /// <summary>Tools of a foreign server ask first, unless the client says otherwise.</summary>
    protected override ToolEntry ToEntry()
    {
        var defaults = ToolDefaultsBody.Complete(DefaultConfig, PermissionPolicy.AlwaysAsk);
        return new McpToolset(McpServerName, defaults, ToolConfigBody.Complete(Configs, defaults));
    }
}

internal sealed record CustomToolBody(string Name, string Description, JsonElement InputSchema) : ToolBody
{
    protected override Fault? NullEntry(string field) => null;

    protected override ToolEntry ToEntry() => new CustomTool(Name, Description, InputSchema);
}

internal sealed record ToolDefaultsBody(bool? Enabled = null, PermissionPolicy? PermissionPolicy = null)
{
    public static ToolDefaults Complete(ToolDefaultsBody? given, PermissionPolicy policy) => new(given?.Enabled ?? true, given?.PermissionPolicy ?? policy);
}

internal sealed record ToolConfigBody(string Name, bool? Enabled = null, PermissionPolicy? PermissionPolicy = null)
{
    /// <summary>A tool's own settings; <c>type</c> repeats the name and is written anew in answers.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; init; }

    public static IReadOnlyList<ToolConfig> Complete(IReadOnlyList<ToolConfigBody>? configs, ToolDefaults defaults) =>
    [
        .. (configs ?? []).Select(config => new ToolConfig(config.Name, config.Enabled ?? defaults.Enabled, config.PermissionPolicy ?? defaults.PermissionPolicy)
        {
            Rest = config.Rest?.Where(setting => setting.Key is not "type").ToDictionary() is { Count: > 0 } rest ? rest : null,
        }),
    ];
}
