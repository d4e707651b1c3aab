using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Plans;

/// <summary>A tier: limits and features that a tenant gets unless overridden.</summary>
/// <param name="Name">Lower-case name, 1 to 40 characters of a-z, 0-9 and '-'.</param>
/// <param name="Features">Names of features switched on.</param>
/// <param name="Placement">Where the data of its new tenants live; null for the installation's default. It moves no tenant that exists.</param>
public sealed record Plan(string Name, string Description, Limits Limits, IReadOnlyList<string> Features, Placement? Placement);
