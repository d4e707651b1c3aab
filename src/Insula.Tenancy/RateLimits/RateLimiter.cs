using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.RateLimits;

/// <summary>
/// Holds tenants, their members and their keys to their rates. Bursts are twice the rate per minute. The limits come with each call, so a
/// changed plan or override counts from the next call on; a bucket keeps the share of it that was used. A node that is alone
/// counts in memory, and a restart gives everybody a full burst; nodes that share a store count together in it.
/// </summary>
public sealed class RateLimiter : IDisposable
{
    private readonly RateTable<RateCaller> _alone;
    private readonly LeasedRates? _shared;
    private readonly IRateGrants? _grants;

    public RateLimiter(TimeProvider time)
        : this(time, null)
    {
    }

    internal RateLimiter(TimeProvider time, IRateGrants? grants)
    {
        _alone = new(time, int.MaxValue);
        _grants = grants;
        _shared = grants is null ? null : new LeasedRates(grants, time);
    }

    /// <summary>Tenants, members and keys that called lately enough to have an entry.</summary>
    internal int Count => _shared?.Count ?? _alone.Count;

    /// <summary>Counts one call of this caller against every class in <paramref name="classes"/> that has a limit, or refuses it and counts nothing.</summary>
    public ValueTask<RateDecision> TakeAsync(TenantScope scope, RateClasses classes, Limits limits, CancellationToken ct)
    {
        var stakes = RateStakes.Of(scope, classes, limits);
        return stakes.All.IsEmpty ? new(RateDecision.Unlimited) : _shared?.TakeAsync(stakes, ct) ?? new(_alone.Take(stakes.All));
    }

    /// <summary>Puts tokens that a model call used on the tenant's account; the next call waits for what is overdrawn. What is used while the store is away is not counted.</summary>
    public async Task ChargeTokensAsync(Id<Tenant> tenant, Limits limits, long tokens, CancellationToken ct)
    {
        if (limits.TokensPerMinute <= 0 || tokens <= 0) return;
        try
        {
            if (_shared is null) _alone.Charge(RateCaller.Of(tenant), RateClasses.Tokens, limits.TokensPerMinute, tokens);
            else await _shared.ChargeAsync(tenant, RateClasses.Tokens, limits.TokensPerMinute, tokens, ct);
        }
        catch (FaultException)
        {
            // The call has been made and is billed; a rate is not worth a run.
        }
    }

    /// <summary>How long the tenant's model calls have to wait for tokens; zero when they need not. While the store is away, by what this node knows.</summary>
    public async Task<TimeSpan> TokenDebtAsync(Id<Tenant> tenant, Limits limits, CancellationToken ct)
    {
        var perMinute = limits.TokensPerMinute;
        if (perMinute <= 0) return TimeSpan.Zero;
        if (_shared is null || _grants is null) return _alone.Stand(RateCaller.Of(tenant), RateClasses.Tokens, perMinute).Debt;
        try
        {
            var rows = await _grants.ListAsync(tenant, ct);
            return LeasedRates.Stand(rows.FirstOrDefault(static row => row is { Class: RateClasses.Tokens, Caller: "" }).Ahead, perMinute).Debt;
        }
        catch (FaultException)
        {
            return _shared.Stand(tenant, RateClasses.Tokens, perMinute).Debt;
        }
    }

    /// <summary>How the tenant stands with its tokens as far as this node knows, without asking anybody; null without such a limit.</summary>
    public RateStanding? TokenStanding(Id<Tenant> tenant, Limits limits) =>
        limits.TokensPerMinute is not (> 0 and var perMinute) ? null
        : _shared?.Stand(tenant, RateClasses.Tokens, perMinute) ?? _alone.Stand(RateCaller.Of(tenant), RateClasses.Tokens, perMinute);

    /// <summary>How a tenant stands in every class that it has a limit in, and how its member and key stand in every class that they have one of their own in.</summary>
    public async Task<IReadOnlyList<RateUse>> ListAsync(Id<Tenant> tenant, Limits limits, IReadOnlyList<OwnLimits> own, CancellationToken ct)
    {
        var rows = _grants is null ? null : await _grants.ListAsync(tenant, ct);
        List<RateUse> uses = [];
        foreach (var one in RateClassList.All)
        {
            if (RateClassList.PerMinute(limits, one) is > 0 and var perMinute)
                uses.Add(new RateUse(RateHolder.Tenant, one, perMinute, Stand("", one, perMinute)));
            foreach (var (holder, name, limitsOf) in own)
            {
                if (limitsOf.PerMinute(one) is { } ofOne) uses.Add(new RateUse(holder, one, ofOne, Stand(name, one, ofOne)));
            }
        }

        return uses;

        RateStanding Stand(string caller, RateClasses one, long perMinute) => rows is null
            ? _alone.Stand(new RateCaller(tenant, caller), one, perMinute)
            : LeasedRates.Stand(rows.FirstOrDefault(row => row.Class == one && row.Caller == caller).Ahead, perMinute);
    }

    public void Dispose()
    {
        _alone.Dispose();
        _shared?.Dispose();
    }
}

/// <summary>How a caller stands in one class.</summary>
public sealed record RateUse(RateHolder Holder, RateClasses Class, long PerMinute, RateStanding Standing);
