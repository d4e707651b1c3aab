using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Audit;

/// <summary>One entry of the audit trail: who did what to which object. It never holds a secret or a body.</summary>
/// <param name="Tenant">The tenant whose trail it belongs to; null for the platform's own.</param>
/// <param name="Action">Verb in the form <c>tenant.suspend</c>.</param>
/// <param name="Target">The id of the object.</param>
/// <param name="Detail">A few words for people, or null.</param>
public sealed record AuditRecord(
    Id<Tenant>? Tenant,
    Principal Principal,
    string Action,
    string Target,
    string? Detail,
    DateTimeOffset At);
