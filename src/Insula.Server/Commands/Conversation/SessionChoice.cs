using System.Text.Json;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands.Conversation;

/// <summary>
/// Finds the agent and the environment of a new session by id or name; unnamed, it is the tenant's oldest, so that the
/// choice does not change when another one is made.
/// </summary>
internal sealed class SessionChoice(ApiClient api)
{
    private const int LookedAtMax = 2000;

    public async Task<string> AgentAsync(string? name, CancellationToken ct)
    {
        if (IsId(name, "agent_")) return name!;
        return (await FindAsync("v1/agents", name, ct))?.TextAt("id") ?? throw new CommandException(
            ExitCode.NotFound,
            name is null ? "This tenant has no agent yet." : $"There is no agent named '{name}'.",
            name is null ? "Make one: insula agent apply -f agent.yaml (see 'insula agent apply --help')" : "See them with: insula agent list");
    }

    public async Task<string> EnvironmentAsync(string? name, CancellationToken ct)
    {
        if (IsId(name, "env_")) return name!;
        if ((await FindAsync("v1/environments", name, ct))?.TextAt("id") is { } found) return found;
        if (name is not null) throw new CommandException(ExitCode.NotFound, $"There is no environment named '{name}'.", "Leave out --environment to use the tenant's oldest.");

        var made = await api.PostAsync("v1/environments", new { name = "default", config = new { type = "cloud" } }, ct);
        return made.TextAt("id");
    }

    /// <summary>The agent of that name that is not archived, or null; two of one name are an error, because either could be meant.</summary>
    public async Task<JsonElement?> FindAsync(string path, string? name, CancellationToken ct)
    {
        JsonElement? found = null;
        await foreach (var item in api.ListAsync(path, LookedAtMax, ct))
        {
            if (item.At("archived_at") is { ValueKind: JsonValueKind.String } || (name is not null && item.TextAt("name") != name)) continue;
            if (name is not null && found is { } other)
            {
                throw new CommandException(ExitCode.Failed, $"Two have the name '{name}': {other.TextAt("id")} and {item.TextAt("id")}.", "Give the id instead of the name.");
            }

            // Lists are newest first, so the last one seen is the oldest.
            found = item;
        }

        return found;
    }

    private static bool IsId(string? name, string prefix) => name?.StartsWith(prefix, StringComparison.Ordinal) == true;
}
