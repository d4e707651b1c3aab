using Insula.Tenancy.Faults;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Tenants;

/// <summary>What a tenant may be called and given, however it comes to be.</summary>
internal static class TenantRules
{
    private const int NameCharsMax = 200;
    private const int EmailCharsMax = 254;

    public static Result<string> Name(string? name) => VisibleText.Check("name", name, NameCharsMax);

    /// <summary>An address that could be one; whether it is can be told only by writing to it.</summary>
    public static Result<string> Email(string? email)
    {
        if (VisibleText.Check("email", email, EmailCharsMax).Failed(out var fault, out var text)) return fault;

        var at = text.LastIndexOf('@');
        return at > 0 && at < text.Length - 1 && !text.Any(char.IsWhiteSpace)
            ? text
            : Fault.Invalid("email", "email must be an address of the form name@domain.");
    }

    public static Result<Plan> PlanOf(PlanCatalog catalog, string name) =>
        catalog.Find(name) is { } plan
            ? plan
            : Fault.Invalid("plan", $"There is no plan of that name. {NearestName.Suggest(name, [.. catalog.All.Select(static known => known.Name)])}");

    /// <summary>What the trail keeps of a new tenant: what it got, and where its data are.</summary>
    public static string Describe(Tenant tenant) => $"plan {tenant.Plan}, placement {PlacementNames.Of(tenant.Placement)}, server {tenant.Server}";

    public static Result<LimitOverrides> Overrides(LimitOverrides overrides) => LimitRule.Check("limits", overrides) is { } fault ? fault : overrides;
}
