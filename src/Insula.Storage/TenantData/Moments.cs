using Insula.Agents.Sessions;

namespace Insula.Storage.TenantData;

/// <summary>A <see cref="TimeRange"/> as two numbers, both inclusive.</summary>
internal readonly record struct Moments(long From, long To)
{
    public static Moments Of(TimeRange range) => new(
        Math.Max(Instant.ToNumber(range.From) ?? Instant.Min, Instant.ToNumber(range.After) + 1 ?? Instant.Min),
        Math.Min(Instant.ToNumber(range.To) ?? Instant.Max, Instant.ToNumber(range.Before) - 1 ?? Instant.Max));
}
