using System.Text.Json.Serialization;
using Insula.Tenancy.Plans;

namespace Insula.Tenancy.Quotas;

/// <summary>How far one of a tenant's quotas was used when somebody looked.</summary>
/// <param name="Name">As plans and overrides name it.</param>
public sealed record QuotaLevel(string Name, long Used, long Max)
{
    /// <summary>The quota whose use comes and goes with each run: it says how things are, and asks nobody to make room.</summary>
    public const string Passing = "concurrent_runs";

    [JsonIgnore]
    public long Percent => (long)Int128.Min((Int128)Used * 100 / Math.Max(1, Max), long.MaxValue);

    /// <summary>The same use beside other limits; a quota that there is no more stays as it is.</summary>
    internal QuotaLevel Beside(LimitOverrides limits) => LimitRule.All.FirstOrDefault(rule => rule.Name == Name)?.Read(limits) is { } max ? this with { Max = max } : this;
}
