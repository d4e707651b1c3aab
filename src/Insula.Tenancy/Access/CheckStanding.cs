using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>
/// Asks whether a scope that was granted earlier would be granted now: long-lived streams ask at every keep-alive, to
/// catch what no signal tells, such as a key that expires or a change made on another node.
/// </summary>
public sealed class CheckStanding(IApiKeyStore keys, TenantStandings tenants, TimeProvider time)
{
    /// <summary>The refusal that the scope would meet now, or null.</summary>
    public async Task<Fault?> RunAsync(TenantScope scope, CancellationToken ct)
    {
        if (await tenants.FindAsync(scope.Tenant, ct) is not { } standing) return Authenticate.InvalidKey;
        if (standing.Refusal is { } refusal) return refusal;
        if (!Id<ApiKey>.TryParse(scope.Principal.Name, out var id)) return null;

        return await keys.FindAsync(scope, id, ct) is { RevokedAt: null } key && !(key.ExpiresAt <= time.GetUtcNow()) ? null : Authenticate.InvalidKey;
    }
}
