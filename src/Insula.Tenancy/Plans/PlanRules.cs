using System.Text.RegularExpressions;
using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Plans;

/// <summary>What a plan must be, from whichever source it comes.</summary>
internal static partial class PlanRules
{
    private const int DescriptionCharsMax = 500;
    private const int FeaturesMax = 50;

    public static Fault? Check(Plan plan)
    {
        if (!Name().IsMatch(plan.Name)) return Fault.Invalid("name", "A plan's name must be 1 to 40 characters of a-z, 0-9 and '-', beginning with a letter or digit.");
        if (plan.Description.Length > DescriptionCharsMax) return Fault.Invalid("description", $"description has {plan.Description.Length} characters; the limit is {DescriptionCharsMax}.");
        if (LimitRule.Check("limits", LimitRule.Whole(plan.Limits)) is { } fault) return fault;
        if (plan.Features.Count > FeaturesMax) return Fault.Invalid("features", $"features has {plan.Features.Count} names; the limit is {FeaturesMax}.");
        return plan.Features.Any(static feature => feature is null || !Feature().IsMatch(feature))
            ? Fault.Invalid("features", "Each of features must be 1 to 40 characters of a-z, 0-9 and '_', beginning with a letter.")
            : null;
    }

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9-]{0,39}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,39}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Feature();
}
