using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.RateLimits;

/// <summary>
/// Holds tenants and their keys to their rates. Bursts are twice the rate per minute. The limits come with each call, so a
/// changed plan or override counts from the next call on; a bucket keeps the share of it that was used. A node that is alone
/// counts in memory, and a restart gives everybody a full burst; nodes that share a store count together in it.
/// </summary>
public sealed class RateLimiter : IDisposable
{
    private readonly RateTable<Id<Tenant>> _tenants;
    private readonly RateTable<string> _keys;
    private readonly LeasedRates? _shared;
    private readonly IRateGrants? _grants;

    public RateLimiter(TimeProvider time)
        : this(time, null)
    {
    }

    internal RateLimiter(TimeProvider time, IRateGrants? grants)
    {
        _tenants = new(time, int.MaxValue);
        _keys = new(time, int.MaxValue, RateHolder.Key);
        _grants = grants;
        _shared = grants is null ? null : new LeasedRates(grants, time);
    }

    /// <summary>Tenants that called lately enough to have an entry.</summary>
    internal int Count => _shared?.Count ?? _tenants.Count;

    /// <summary>Counts one call of this caller against every class in <paramref name="classes"/> that has a limit, or refuses it and counts nothing.</summary>
    public ValueTask<RateDecision> TakeAsync(TenantScope scope, RateClasses classes, Limits limits, CancellationToken ct)
    {
        var demand = RateDemand.Of(classes, limits);
        var ofKey = scope.KeyLimits is { } own ? RateDemand.Of(classes, own) : default;
        if (demand.Classes == RateClasses.None && ofKey.Classes == RateClasses.None) return new(RateDecision.Unlimited);
        if (_shared is not null) return _shared.TakeAsync(demand, ofKey, scope.Tenant, scope.Principal.Name, ct);
        return new(ofKey.Classes == RateClasses.None ? _tenants.Take(scope.Tenant, demand) : _tenants.Take(scope.Tenant, demand, _keys, scope.Principal.Name, ofKey));
    }

    /// <summary>Puts tokens that a model call used on the tenant's account; the next call waits for what is overdrawn. What is used while the store is away is not counted.</summary>
    public async Task ChargeTokensAsync(Id<Tenant> tenant, Limits limits, long tokens, CancellationToken ct)
    {
        if (limits.TokensPerMinute <= 0 || tokens <= 0) return;
        try
        {
            if (_shared is null) _tenants.Charge(tenant, RateClasses.Tokens, limits.TokensPerMinute, tokens);
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
        if (_shared is null || _grants is null) return _tenants.Stand(tenant, RateClasses.Tokens, perMinute).Debt;
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
        : _shared?.Stand(tenant, RateClasses.Tokens, perMinute) ?? _tenants.Stand(tenant, RateClasses.Tokens, perMinute);

    /// <summary>How a tenant stands in every class that it has a limit in, and the key in every class that it has one of its own in.</summary>
    public async Task<IReadOnlyList<RateUse>> ListAsync(Id<Tenant> tenant, Limits limits, string? key, KeyLimits? own, CancellationToken ct)
    {
        var rows = _grants is null ? null : await _grants.ListAsync(tenant, ct);
        List<RateUse> uses = [];
        foreach (var one in RateClassList.All)
        {
            if (RateClassList.PerMinute(limits, one) is > 0 and var perMinute)
                uses.Add(new RateUse(RateHolder.Tenant, one, perMinute, rows is null ? _tenants.Stand(tenant, one, perMinute) : Stand("", one, perMinute)));
            if (key is not null && own?.PerMinute(one) is { } ofKey)
                uses.Add(new RateUse(RateHolder.Key, one, ofKey, rows is null ? _keys.Stand(key, one, ofKey) : Stand(key, one, ofKey)));
        }

        return uses;

        RateStanding Stand(string caller, RateClasses one, long perMinute) =>
            LeasedRates.Stand(rows.FirstOrDefault(row => row.Class == one && row.Caller == caller).Ahead, perMinute);
    }

    public void Dispose()
    {
        _tenants.Dispose();
        _keys.Dispose();
        _shared?.Dispose();
    }
}

/// <summary>How a caller stands in one class.</summary>
public sealed record RateUse(RateHolder Holder, RateClasses Class, long PerMinute, RateStanding Standing);
