using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Plans;

/// <summary>More of some limits for a time.</summary>
/// <param name="Limits">What comes on top of the plan's or the override's values.</param>
/// <param name="Until">Not in force any more from then on.</param>
/// <param name="From">In force from then on; null for at once.</param>
public sealed record LimitAddOn(LimitOverrides Limits, DateTimeOffset Until, DateTimeOffset? From = null)
{
    public bool InForceAt(DateTimeOffset now) => (From is null || From <= now) && now < Until;
}

/// <summary>A tenant's add-ons, in the order in which they were given. Two lists are equal when their items are.</summary>
public sealed record LimitAddOns(IReadOnlyList<LimitAddOn> Items)
{
    private const int ItemsMax = 20;

    /// <summary>They do not grow by adding: more of them is another thing, or less.</summary>
    private static readonly string[] NoAmounts = ["schedule_interval_seconds", "run_weight", "runs_minimum"];

    public static LimitAddOns None { get; } = new([]);

    public bool Equals(LimitAddOns? other) => other is not null && Items.SequenceEqual(other.Items);

    public override int GetHashCode() => Items.Aggregate(0, HashCode.Combine);

    /// <summary>The limits with every add-on that is in force. A rate that is no limit stays none.</summary>
    internal Limits ApplyTo(Limits limits, DateTimeOffset now)
    {
        foreach (var item in Items.Where(item => item.InForceAt(now)))
        {
            var whole = LimitRule.Whole(limits);
            foreach (var rule in LimitRule.All)
            {
                if (rule.Read(item.Limits) is { } more && rule.Read(whole) is > 0 and var value) whole = rule.With(whole, Math.Min(rule.Max, value + more));
            }

            limits = whole.ApplyTo(limits);
        }

        return limits;
    }

    internal bool Raises(string limit, DateTimeOffset now) =>
        Items.Any(item => item.InForceAt(now) && LimitRule.All.First(rule => rule.Name == limit).Read(item.Limits) is not null);

    /// <summary>The list as it is kept, without those that are over.</summary>
    internal static Result<LimitAddOns> Check(IReadOnlyList<LimitAddOn> given, DateTimeOffset now)
    {
        if (given.Count > ItemsMax) return Fault.Invalid("add_ons", $"add_ons has {given.Count} entries; the limit is {ItemsMax}.");
        for (var i = 0; i < given.Count; i++)
        {
            var path = $"add_ons[{i}]";
            var (limits, until, from) = given[i];
            if (limits is null || limits == LimitOverrides.None) return Fault.Invalid($"{path}.limits", $"{path}.limits must name at least one limit.");
            if (until <= (from ?? DateTimeOffset.MinValue)) return Fault.Invalid($"{path}.until", $"{path}.until must be after {path}.from.");
            foreach (var rule in LimitRule.All)
            {
                if (rule.Read(limits) is not { } more) continue;
                if (NoAmounts.Contains(rule.Name)) return Fault.Invalid($"{path}.limits.{rule.Name}", $"{path}.limits.{rule.Name} is nothing to add to; set it in limits instead.");
                if (more < 1 || more > rule.Max) return Fault.Invalid($"{path}.limits.{rule.Name}", $"{path}.limits.{rule.Name} is {more}; it must be from 1 to {rule.Max}.");
            }
        }

        return new LimitAddOns([.. given.Where(item => item.Until > now)]);
    }
}
