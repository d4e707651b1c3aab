using Insula.Agents.Models;
using Insula.Tenancy.Access;
using Insula.Tenancy.Plans;
using Insula.Tenancy.RateLimits;

namespace Insula.Agents.Runs;

/// <summary>
/// Holds model calls to the tenant's tokens a minute. What a call used is a debt that is put down when it has ended, and the
/// next call waits until the debt is within the burst; nothing fails. A tenant without such a limit pays nothing for it.
/// </summary>
/// <param name="limiter">Null where no rates are kept.</param>
public sealed class TokenPace(AllowWork allow, RateLimiter? limiter, TimeProvider time)
{
    // A limit may be raised while a run waits for it.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(2);

    /// <summary>Zero when the tenant's next model call need not wait.</summary>
    public async Task<TimeSpan> DebtAsync(TenantScope scope, CancellationToken ct)
    {
        if (limiter is null || await LimitsAsync(scope, ct) is not { TokensPerMinute: > 0 } limits) return TimeSpan.Zero;
        return await limiter.TokenDebtAsync(scope.Tenant, limits, ct);
    }

    internal async Task WaitAsync(TenantScope scope, CancellationToken attention)
    {
        while (await DebtAsync(scope, attention) is var debt && debt > TimeSpan.Zero)
        {
            await Task.Delay(debt < LookAgain ? debt : LookAgain, time, attention);
        }
    }

    /// <summary>Reads from a cache do not count: providers charge next to nothing for them.</summary>
    internal async Task ChargeAsync(TenantScope scope, TokenUsage used, CancellationToken ct)
    {
        if (limiter is null || await LimitsAsync(scope, ct) is not { TokensPerMinute: > 0 } limits) return;
        await limiter.ChargeTokensAsync(scope.Tenant, limits, used.Input + used.Output + used.CacheWrite, ct);
    }

    private async ValueTask<Limits?> LimitsAsync(TenantScope scope, CancellationToken ct) => (await allow(scope, RateClasses.None, ct)).Failed(out _, out var limits) ? null : limits;
}
