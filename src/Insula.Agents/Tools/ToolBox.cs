using System.Text.Json;
using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Models;

namespace Insula.Agents.Tools;

/// <summary>
/// What tools an agent has and on what terms. The built-in tools are every agent's unless its toolset switches them off
/// (one is no agent's unless its toolset names it);
/// custom tools run at the client. A call of anything else is refused in the log, with the reason told to the model.
/// </summary>
public sealed class ToolBox(IEnumerable<BuiltInTool> builtIn)
{
    /// <summary>Tools of the Managed Agents toolset that work on a machine, which needs a sandbox.</summary>
    private static readonly HashSet<string> SandboxTools = ["bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search"];

    private readonly Dictionary<string, BuiltInTool> _builtIn = builtIn.ToDictionary(t => t.Name);

    /// <summary>What the model is told it may call.</summary>
    public IReadOnlyList<ToolSpec> Offer(AgentDefinition agent)
    {
        var offered = new List<ToolSpec>();
        foreach (var tool in _builtIn.Values)
        {
            if (TermsOf(agent, tool.Name).Enabled) offered.Add(new ToolSpec(tool.Name, tool.Description, tool.InputSchema));
        }

        // A custom tool under a built-in tool's name takes its place, as the agent's author asked for.
        foreach (var custom in agent.Tools.OfType<CustomTool>())
        {
            offered.RemoveAll(t => t.Name == custom.Name);
            offered.Add(new ToolSpec(custom.Name, custom.Description, custom.InputSchema));
        }

        return offered;
    }

    /// <summary>The event that records the model's call, with the permission that the agent's policy gives it.</summary>
    public EventBody Intend(AgentDefinition agent, string name, JsonElement input)
    {
        if (agent.Tools.OfType<CustomTool>().Any(t => t.Name == name)) return new AgentCustomToolUse(name, input);
        var terms = TermsOf(agent, name);
        if (!_builtIn.ContainsKey(name) || !terms.Enabled) return new AgentToolUse(name, input, AgentToolUse.Deny, Evaluation: null);
        return terms.PermissionPolicy.Type switch
        {
            "always_ask" => new AgentToolUse(name, input, AgentToolUse.Ask, new ToolEvaluation("always_ask")),
            // Under auto the server judges each call. Every tool here only reads the tenant's own data, or asks another of its agents.
            "auto" => new AgentToolUse(name, input, AgentToolUse.Allow, new ToolEvaluation("auto", new AutoPermission(AgentToolUse.Allow))),
            _ => new AgentToolUse(name, input, AgentToolUse.Allow, new ToolEvaluation("always_allow")),
        };
    }

    /// <summary>Null when this installation has no such tool.</summary>
    public BuiltInTool? Find(string name) => _builtIn.GetValueOrDefault(name);

    /// <summary>Why a call of this name is refused, for the model.</summary>
    public string WhyRefused(string name) =>
        _builtIn.ContainsKey(name) ? $"The tool {name} is switched off for this agent."
        : SandboxTools.Contains(name) ? $"The tool {name} needs a sandbox, and this installation offers none. Go on without it."
        : $"There is no tool {name}. The tools are: {string.Join(", ", _builtIn.Keys)} and the agent's custom tools.";

    private ToolDefaults TermsOf(AgentDefinition agent, string name)
    {
        var toolset = agent.Tools.OfType<AgentToolset>().FirstOrDefault();
        if (toolset?.Configs.FirstOrDefault(c => c.Name == name) is { } config) return new ToolDefaults(config.Enabled, config.PermissionPolicy);
        var terms = toolset?.DefaultConfig ?? new ToolDefaults(Enabled: true, PermissionPolicy.AlwaysAllow);
        return _builtIn.GetValueOrDefault(name) is { OnlyByName: true } ? terms with { Enabled = false } : terms;
    }
}
