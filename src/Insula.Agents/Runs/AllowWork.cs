using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Plans;
using Insula.Tenancy.RateLimits;

namespace Insula.Agents.Runs;

/// <summary>The tenant's limits in force, after one call was counted against these classes; the refusal when it has to wait.</summary>
public delegate ValueTask<Result<Limits>> AllowWork(TenantScope scope, RateClasses classes, CancellationToken ct);
