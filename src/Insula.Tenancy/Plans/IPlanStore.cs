using Insula.Tenancy.Audit;

namespace Insula.Tenancy.Plans;

/// <summary>Plans that the operator added or edited over those of the YAML file. Part of the control-store seam.</summary>
public interface IPlanStore
{
    Task<IReadOnlyList<Plan>> AllAsync(CancellationToken ct);

    /// <summary>Adds or replaces the plan of that name.</summary>
    Task PutAsync(Plan plan, AuditRecord record, CancellationToken ct);
}
