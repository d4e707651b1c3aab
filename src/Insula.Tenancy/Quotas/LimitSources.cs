using Insula.Tenancy.Access;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Members;
using Insula.Tenancy.Paging;
using Insula.Tenancy.RateLimits;

namespace Insula.Tenancy.Quotas;

/// <summary>The limits that are counted in the control store or in memory.</summary>
internal static class LimitSources
{
    private const int BudgetsMax = 100;

    public static LimitSource Rates(RateLimiter limiter, TimeProvider time) => async (asked, ct) =>
    {
        var uses = await limiter.ListAsync(asked.Scope.Tenant, asked.Limits, asked.Scope.OwnLimits, ct);
        var now = time.GetUtcNow();
        return [.. uses.Select(use => Of(asked, use, now))];
    };

    public static LimitSource Keys(IApiKeyStore keys, TimeProvider time) => async (asked, ct) =>
        [LimitState.OfQuota(asked, new QuotaLevel("keys", await keys.CountAsync(asked.Scope.Tenant, time.GetUtcNow(), ct), asked.Limits.Keys), "keys")];

    public static LimitSource Members(IMemberStore members) => async (asked, ct) =>
        [LimitState.OfQuota(asked, new QuotaLevel("members", await members.CountAsync(asked.Scope.Tenant, ct), asked.Limits.Members), "members")];

    public static LimitSource Budgets(IBudgetStore budgets) => async (asked, ct) =>
        [.. (await budgets.ListAsync(asked.Scope.Tenant, null, new PageRequest(BudgetsMax, null), ct)).Items.Select(Of)];

    private static LimitState Of(LimitsAsked asked, RateUse use, DateTimeOffset now)
    {
        var standing = use.Standing;
        var own = use.Holder switch { RateHolder.Member => "member", RateHolder.Key => "key", _ => null };
        var name = RateClassList.LimitName(use.Class);
        return new LimitState(
            name,
            LimitState.Rate,
            own ?? LimitState.Tenant,
            RateClassList.Name(use.Class),
            use.PerMinute,
            standing.Burst - standing.Remaining,
            standing.Remaining,
            now + standing.Reset,
            own ?? asked.SourceOf(name),
            own is null ? LimitState.Operator : LimitState.TenantAdmin)
        {
            Burst = standing.Burst,
        };
    }

    private static LimitState Of(Budget budget) => new(
        "budget",
        "budget",
        budget.Key.ToString(),
        "micros",
        budget.LimitMicros,
        budget.SpentMicros + budget.HeldMicros,
        budget.LeftMicros,
        budget.ResetsAt,
        "budget",
        budget.SetBy.StartsWith("operator", StringComparison.Ordinal) ? LimitState.Operator : LimitState.TenantAdmin);
}
