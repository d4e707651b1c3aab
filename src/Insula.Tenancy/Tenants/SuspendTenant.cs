using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Wording;

namespace Insula.Tenancy.Tenants;

/// <summary>
/// The operator stops a tenant: from the return on its keys are refused with the reason, and the signal has told its runs
/// and streams to end. Suspending a suspended tenant succeeds and keeps the first reason.
/// </summary>
public sealed class SuspendTenant(ChangeTenant change, AccessInForce inForce)
{
    private const int ReasonCharsMax = 500;
    private const string NoReason = "no reason was given";

    /// <summary>Faults: NotFound; Invalid <c>reason</c>; Conflict <c>tenant_busy</c>.</summary>
    /// <param name="reason">Shown to the tenant; at most 500 characters. Null when there is none to tell.</param>
    public async Task<Result<Tenant>> RunAsync(OperatorScope scope, Id<Tenant> id, string? reason, CancellationToken ct)
    {
        if (VisibleText.Check("reason", reason ?? NoReason, ReasonCharsMax).Failed(out var fault, out var shown)) return fault;

        var result = await change.RunAsync(
            scope,
            id,
            "tenant.suspend",
            shown,
            (tenant, now) => tenant.Status == TenantStatus.Suspended
                ? tenant
                : tenant with { Status = TenantStatus.Suspended, SuspendedAt = now, SuspendedReason = shown },
            ct);
        if (result.Failed(out fault, out var suspended)) return fault;

        inForce.TenantSuspended(id, suspended.SuspendedReason ?? shown);
        return suspended;
    }
}
