using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Tenancy.Tenants;

/// <summary>The operator lets a suspended tenant go on: its keys are in force again and its queued work is taken up.</summary>
public sealed class ResumeTenant(ChangeTenant change, AccessInForce inForce)
{
    /// <summary>Faults: NotFound; Conflict <c>tenant_busy</c>. Resuming an active tenant changes nothing.</summary>
    public async Task<Result<Tenant>> RunAsync(OperatorScope scope, Id<Tenant> id, CancellationToken ct)
    {
        var result = await change.RunAsync(
            scope,
            id,
            "tenant.resume",
            null,
            static (tenant, _) => tenant with { Status = TenantStatus.Active, SuspendedAt = null, SuspendedReason = null },
            ct);
        if (result.Fault is null) inForce.TenantResumed(id);
        return result;
    }
}
