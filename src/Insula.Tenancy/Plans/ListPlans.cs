namespace Insula.Tenancy.Plans;

/// <summary>The plans that a tenant can be on. Anyone signed in may look.</summary>
public sealed class ListPlans(PlanCatalog catalog)
{
    /// <summary>By name; there are few, so the list has no pages.</summary>
    public IReadOnlyList<Plan> Run() => catalog.All;
}
