using System.Text.Json;
using Insula.Agents.Input;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Agents;

/// <summary>
/// What an agent's definition must keep to, whether it comes with a create, an update or a session's overrides. A model's
/// existence is not checked here: providers come and go, and an agent outlives them.
/// </summary>
internal static class AgentRules
{
    public static readonly Fault NotFound = Fault.NotFound("agent");

    private const int SystemCharsMax = 100_000;
    private const int ToolsMax = 256;
    private const int McpServersMax = 20;
    private const int SkillsMax = 64;
    private const int McpNameCharsMax = 255;
    private const int UrlCharsMax = 2048;
    private const int CustomDescriptionCharsMax = 4096;

    /// <summary>The tools that an <c>agent_toolset_20260401</c> may configure.</summary>
    private static readonly string[] BuiltIn = ["bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search", "knowledge_search", "run_agent"];

    public static Fault? Violation(AgentDefinition agent) =>
        Check.Name("name", agent.Name)
        ?? Check.Length("description", agent.Description, Check.DescriptionCharsMax)
        ?? Check.Length("system", agent.System, SystemCharsMax)
        ?? ModelViolation(agent.Model)
        ?? Check.Metadata(agent.Metadata)
        ?? Check.Count("skills", agent.Skills.Count, SkillsMax)
        ?? RunLimitsViolation(agent.RunLimits)
        ?? ToolingViolation(agent);

    /// <summary>The rules between tools and MCP servers, which a session may change together.</summary>
    public static Fault? ToolingViolation(AgentDefinition agent) => ServersViolation(agent) ?? ToolsViolation(agent);

    private static Fault? ModelViolation(ModelChoice model)
    {
        if (model.Id.Length is 0 or > Check.NameCharsMax || !model.Id.All(c => c is > ' ' and <= '~'))
        {
            return Fault.Invalid("model", $"model must be a name like insula/reader or claude-opus-5-5: 1 to {Check.NameCharsMax} characters without blanks.");
        }

        return null;
    }

    private static Fault? RunLimitsViolation(RunLimitsAsked? limits)
    {
        if (limits is null) return null;
        return Below("steps", limits.Steps) ?? Below("seconds", limits.Seconds) ?? Below("tokens", limits.Tokens) ?? Below("micros", limits.Micros);

        static Fault? Below(string name, long? value) => value < 1 ? Fault.Invalid($"run_limits.{name}", $"run_limits.{name} must be a whole number above 0.") : null;
    }

    private static Fault? ServersViolation(AgentDefinition agent)
    {
        if (Check.Count("mcp_servers", agent.McpServers.Count, McpServersMax) is { } tooMany) return tooMany;

        var used = agent.Tools.OfType<McpToolset>().Select(tools => tools.McpServerName).ToHashSet();
        var names = new HashSet<string>();
        for (var i = 0; i < agent.McpServers.Count; i++)
        {
            var (name, url) = agent.McpServers[i];
            var field = $"mcp_servers[{i}]";
            if (Check.Name($"{field}.name", name, McpNameCharsMax) is { } badName) return badName;
            if (!names.Add(name)) return Fault.Invalid($"{field}.name", $"Two MCP servers are named {name}; names must differ.");
            if (url.Length > UrlCharsMax || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            {
                return Fault.Invalid($"{field}.url", $"{field}.url must be an absolute http or https URL of at most {UrlCharsMax} characters.");
            }

            if (!used.Contains(name))
            {
                return Fault.Invalid(field, $"No mcp_toolset in tools refers to the MCP server {name}: add one, or leave the server out.");
            }
        }

        return null;
    }

    private static Fault? ToolsViolation(AgentDefinition agent)
    {
        if (Check.Count("tools", agent.Tools.Count, ToolsMax) is { } tooMany) return tooMany;

        var servers = agent.McpServers.Select(server => server.Name).ToHashSet();
        var custom = new HashSet<string>();
        for (var i = 0; i < agent.Tools.Count; i++)
        {
            var field = $"tools[{i}]";
            var violation = agent.Tools[i] switch
            {
                AgentToolset toolset => agent.Tools.Take(i).Any(other => other is AgentToolset)
                    ? Fault.Invalid(field, "tools holds agent_toolset_20260401 twice; put all configs into one.")
                    : ConfigsViolation(field, toolset.DefaultConfig, toolset.Configs, BuiltIn),
                McpToolset toolset => servers.Contains(toolset.McpServerName)
                    ? ConfigsViolation(field, toolset.DefaultConfig, toolset.Configs, known: null)
                    : Fault.Invalid($"{field}.mcp_server_name", $"{field}.mcp_server_name must be the name of an entry of mcp_servers."),
                CustomTool tool => CustomViolation(field, tool, custom),
                _ => null,
            };
            if (violation is not null) return violation;
        }

        return null;
    }

    private static Fault? ConfigsViolation(string field, ToolDefaults defaults, IReadOnlyList<ToolConfig> configs, string[]? known)
    {
        if (PolicyViolation($"{field}.default_config", defaults.PermissionPolicy) is { } badDefault) return badDefault;
        if (Check.Count($"{field}.configs", configs.Count, ToolsMax) is { } tooMany) return tooMany;

        var names = new HashSet<string>();
        for (var i = 0; i < configs.Count; i++)
        {
            var at = $"{field}.configs[{i}]";
            var name = configs[i].Name;
            if (known is not null && !known.Contains(name)) return Fault.Invalid($"{at}.name", $"{at}.name must be one of {string.Join(", ", known)}.");
            if (Check.Name($"{at}.name", name, charsMax: 128) is { } badName) return badName;
            if (!names.Add(name)) return Fault.Invalid($"{at}.name", $"{field}.configs configures {name} twice.");
            if (PolicyViolation(at, configs[i].PermissionPolicy) is { } badPolicy) return badPolicy;
        }

        return null;
    }

    private static Fault? PolicyViolation(string field, PermissionPolicy policy) => policy.Type is "always_allow" or "always_ask" or "auto"
        ? null
        : Fault.Invalid($"{field}.permission_policy.type", $"{field}.permission_policy.type must be always_allow, always_ask or auto.");

    private static Fault? CustomViolation(string field, CustomTool tool, HashSet<string> names)
    {
        if (tool.Name.Length is 0 or > 128 || !tool.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
        {
            return Fault.Invalid($"{field}.name", $"{field}.name must have 1 to 128 letters, digits, underscores and hyphens.");
        }

        if (!names.Add(tool.Name)) return Fault.Invalid($"{field}.name", $"Two custom tools are named {tool.Name}; names must differ.");
        if (string.IsNullOrWhiteSpace(tool.Description)) return Fault.Invalid($"{field}.description", $"{field}.description must tell the model what the tool does.");
        if (Check.Length($"{field}.description", tool.Description, CustomDescriptionCharsMax) is { } tooLong) return tooLong;
        return tool.InputSchema is { ValueKind: JsonValueKind.Object } schema && schema.TryGetProperty("type", out var type)
            && type.ValueKind == JsonValueKind.String && type.ValueEquals("object")
            ? null
            : Fault.Invalid($"{field}.input_schema", $"{field}.input_schema must be a JSON Schema with \"type\": \"object\".");
    }
}
