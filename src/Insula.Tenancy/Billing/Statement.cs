using System.Globalization;
using Insula.Tenancy.Tenants;
using Insula.Tenancy.Usage;

namespace Insula.Tenancy.Billing;

/// <summary>A month, as in 2026-11.</summary>
public readonly record struct Month(int Year, int Number)
{
    public DateOnly First => new(Year, Number, 1);

    /// <summary>The first day after.</summary>
    public DateOnly End => First.AddMonths(1);

    public static Month? Parse(string text) =>
        DateOnly.TryParseExact($"{text}-01", "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var first) && first.Year >= 2000 ? new Month(first.Year, first.Month) : null;

    public override string ToString() => First.ToString("yyyy-MM", CultureInfo.InvariantCulture);
}

/// <summary>What a tenant owes for a month.</summary>
/// <param name="Lines">By kind and name.</param>
/// <param name="Days">By day, kind and name: the lines are their sums.</param>
/// <param name="Final">The month is over and all its usage is in the ledger: nothing changes any more.</param>
public sealed record Statement(Tenant Tenant, Month Month, IReadOnlyList<StatementLine> Lines, IReadOnlyList<UsageDay> Days, bool Final)
{
    public UsageSum Total => Lines.Aggregate(UsageSum.Nothing, static (sum, line) => sum + line.Sum);

    internal static Statement Of(Tenant tenant, Month month, IReadOnlyList<UsageDay> days, bool final) => new(
        tenant,
        month,
        [.. days.GroupBy(static day => (day.Kind, day.Name), static day => day.Sum)
            .Select(static line => new StatementLine(line.Key.Kind, line.Key.Name, line.Aggregate(static (sum, day) => sum + day)))
            .OrderBy(static line => line.Kind, StringComparer.Ordinal).ThenBy(static line => line.Name, StringComparer.Ordinal)],
        days,
        final);
}

public sealed record StatementLine(string Kind, string Name, UsageSum Sum);
