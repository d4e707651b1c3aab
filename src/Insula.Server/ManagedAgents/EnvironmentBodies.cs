using System.Text.Json;
using Insula.Agents.Environments;
using Insula.Agents.Input;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Server.ManagedAgents;

internal sealed record CreateEnvironmentBody(string Name)
{
    public string? Description { get; init; }

    public EnvironmentConfig? Config { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public string? Scope { get; init; }

    public Result<EnvironmentDefinition> ToDefinition() => EnvironmentScope.Violation(Scope) is { } violation
        ? violation
        : new EnvironmentDefinition(Name, Description, Config, Metadata ?? new Dictionary<string, string>());
}

internal sealed record UpdateEnvironmentBody
{
    public string? Name { get; init; }

    public Change<string> Description { get; init; }

    public EnvironmentConfig? Config { get; init; }

    public IReadOnlyDictionary<string, string?>? Metadata { get; init; }

    public string? Scope { get; init; }

    public Result<EnvironmentChanges> ToChanges() => EnvironmentScope.Violation(Scope) is { } violation
        ? violation
        : new EnvironmentChanges(Name, Description, Config, Metadata);
}

internal static class EnvironmentScope
{
    /// <summary>Everyone in the tenant sees its environments; there are none of one person alone.</summary>
    public const string Organization = "organization";

    public static Fault? Violation(string? scope) =>
        scope is null or Organization ? null : Fault.Invalid("scope", $"scope must be {Organization}: an environment belongs to the whole tenant.");
}

internal sealed record EnvironmentView(
    Id<AgentEnvironment> Id,
    string Type,
    string Name,
    string? Description,
    JsonElement Config,
    IReadOnlyDictionary<string, string> Metadata,
    string Scope,
    DateTime CreatedAt,
    DateTime UpdatedAt,
    DateTime? ArchivedAt)
{
    public static EnvironmentView Of(AgentEnvironment environment) => new(
        environment.Id,
        "environment",
        environment.Name,
        environment.Description,
        environment.Config,
        environment.Metadata,
        EnvironmentScope.Organization,
        environment.CreatedAt.UtcDateTime,
        environment.UpdatedAt.UtcDateTime,
        environment.ArchivedAt?.UtcDateTime);
}

/// <summary>Says that an object is gone.</summary>
internal sealed record DeletedView(string Id, string Type);
