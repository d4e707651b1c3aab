using System.Text.Json;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Environments;

/// <summary>A named template that sessions run in. Named so because System.Environment is in every file's scope.</summary>
/// <param name="Config">The Managed Agents config object, validated and completed: <c>cloud</c> or <c>self_hosted</c>.</param>
public sealed record AgentEnvironment(
    Id<AgentEnvironment> Id,
    string Name,
    string? Description,
    JsonElement Config,
    IReadOnlyDictionary<string, string> Metadata,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? ArchivedAt) : IIdentified
{
    public static string IdPrefix => "env";
}
