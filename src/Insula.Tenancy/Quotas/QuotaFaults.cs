using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Quotas;

/// <summary>What a tenant is told that has as much of something as it may.</summary>
public static class QuotaFaults
{
    public const string Code = "quota_exceeded";

    /// <param name="limit">The limit's name, which is what is counted too: <c>sessions</c>.</param>
    /// <param name="free">What makes room: "Delete one that is not needed".</param>
    public static Fault Full(string limit, long used, long max, string free) =>
        Fault.OverLimit(Code, $"This tenant has {used:N0} {limit}; its limit is {max:N0}. {free}, or ask the operator of this installation to raise the limit {limit}.") with { Field = $"limits.{limit}" };
}
