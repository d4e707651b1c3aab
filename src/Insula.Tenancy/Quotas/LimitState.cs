using Insula.Tenancy.Access;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Quotas;

/// <summary>One limit that stands against a caller, and how the caller stands against it.</summary>
/// <param name="Name">As plans and overrides name it; <c>budget</c> for one.</param>
/// <param name="Kind"><c>rate</c>, <c>quota</c> or <c>budget</c>.</param>
/// <param name="AppliesTo"><c>tenant</c>, <c>member</c>, <c>key</c>, or the id of a budget.</param>
/// <param name="Unit">What is counted.</param>
/// <param name="Value">The limit: for a rate so many a minute.</param>
/// <param name="Used">Null when nobody counts it.</param>
/// <param name="Left">What would be let in now.</param>
/// <param name="ResetsAt">When it is whole again if nothing more is used; null when only removing something makes room.</param>
/// <param name="Source"><c>plan</c>, <c>override</c>, <c>add_on</c>, <c>member</c>, <c>key</c> or <c>budget</c>.</param>
/// <param name="RaisedBy">Who can raise it: <c>operator</c> or <c>tenant_admin</c>.</param>
public sealed record LimitState(
    string Name, string Kind, string AppliesTo, string Unit, long Value, long? Used, long? Left, DateTimeOffset? ResetsAt, string Source, string RaisedBy)
{
    public const string Rate = "rate";
    public const string Quota = "quota";
    public const string Tenant = "tenant";
    public const string Operator = "operator";
    public const string TenantAdmin = "tenant_admin";

    /// <summary>The most that a rate lets in at once after a rest; null for what is no rate.</summary>
    public long? Burst { get; init; }

    /// <summary>One of the tenant's quotas.</summary>
    public static LimitState OfQuota(LimitsAsked asked, QuotaLevel level, string unit) =>
        new(level.Name, Quota, Tenant, unit, level.Max, level.Used, Math.Max(0, level.Max - level.Used), null, asked.SourceOf(level.Name), Operator);
}

/// <summary>Whose limits are asked for.</summary>
/// <param name="Scope">Opens the tenant's data.</param>
public sealed record LimitsAsked(TenantScope Scope, TenantStanding Standing, DateTimeOffset Now)
{
    public Limits Limits => Standing.Limits;

    /// <summary>Where the value of a limit in force comes from.</summary>
    public string SourceOf(string name) =>
        Standing.Tenant.AddOns.Raises(name, Now) ? "add_on"
        : LimitRule.All.First(rule => rule.Name == name).Read(Standing.Tenant.Overrides) is not null ? "override" : "plan";
}

/// <summary>Tells limits of one kind. All that are registered make the list of <see cref="ListLimits"/>.</summary>
public delegate Task<IReadOnlyList<LimitState>> LimitSource(LimitsAsked asked, CancellationToken ct);
