using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Placements;
using Insula.Tenancy.Time;

namespace Insula.Tenancy.Plans;

/// <summary>Adds a plan or replaces one whole; tenants on it get the new limits at once.</summary>
public sealed class PutPlan(IPlanStore store, PlanCatalog catalog, PlacementChoice placements, IWakes wakes, TimeProvider time)
{
    /// <summary>Faults: Invalid, naming the field.</summary>
    public async Task<Result<Plan>> RunAsync(OperatorScope scope, Plan plan, CancellationToken ct)
    {
        if (PlanRules.Check(plan) is { } fault) return fault;
        if (plan.Placement is { } placement && placements.Refuse(placement) is { } unavailable) return unavailable;

        await store.PutAsync(plan, new AuditRecord(null, scope.Principal, "plan.put", plan.Name, null, time.NowInMicroseconds()), ct);
        catalog.Put([plan]);
        wakes.Announce(WakeTopic.Access, FollowAccess.Plans);
        return plan;
    }
}
