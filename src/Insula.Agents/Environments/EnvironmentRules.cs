using Insula.Agents.Input;
using Insula.Tenancy.Faults;

namespace Insula.Agents.Environments;

internal static class EnvironmentRules
{
    public static readonly Fault NotFound = Fault.NotFound("environment");

    public static readonly Fault Archived = new(FaultKind.Invalid, "environment_archived", "The environment is archived; create another one.");

    public static Fault? Violation(string name, string? description, IReadOnlyDictionary<string, string> metadata) =>
        Check.Name("name", name)
        ?? Check.Length("description", description, Check.DescriptionCharsMax)
        ?? Check.Metadata(metadata, "invalid_metadata");
}
