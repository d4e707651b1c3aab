using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Quotas;

/// <summary>Every limit that stands against a caller in one list: rates, quotas, budgets, with what is used and left.</summary>
public sealed class ListLimits(TenantStandings standings, IEnumerable<LimitSource> sources, TimeProvider time)
{
    private readonly LimitSource[] _sources = [.. sources];

    public async Task<Result<IReadOnlyList<LimitState>>> RunAsync(TenantScope scope, CancellationToken ct)
    {
        if (scope.Lacks(Permissions.Read) is { } missing) return missing;
        return await ListAsync(scope, ct);
    }

    /// <summary>Those of a tenant, without those of any member or key. Faults: NotFound.</summary>
    public Task<Result<IReadOnlyList<LimitState>>> RunAsync(OperatorScope scope, Id<Tenant> tenant, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return ListAsync(SystemTask.Limits.For(tenant), ct);
    }

    private async Task<Result<IReadOnlyList<LimitState>>> ListAsync(TenantScope scope, CancellationToken ct)
    {
        if (await standings.FindAsync(scope.Tenant, ct) is not { } standing) return Fault.NotFound("tenant");
        var asked = new LimitsAsked(scope, standing, time.GetUtcNow());
        List<LimitState> all = [];
        foreach (var source in _sources) all.AddRange(await source(asked, ct));
        return all;
    }
}
