using Insula.Storage.Engine;
using Insula.Storage.Statements;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Storage.Control;

/// <summary>A budget as its row stands, brought to the period of the store's clock.</summary>
/// <param name="Mark">Tells it from an earlier budget of the same name.</param>
/// <param name="Notified">The highest threshold that was told in this period, in percent.</param>
/// <param name="Now">The moment by the store's clock.</param>
internal sealed record BudgetRow(Budget Budget, long Mark, int Notified, DateTimeOffset Now)
{
    /// <summary>The platform's rows belong to no tenant.</summary>
    private const string OfPlatform = "";

    public string TenantKey => KeyOf(Budget.Tenant);

    /// <summary>How a hold names the budget.</summary>
    public string InPath => $"{Budget.Key}@{Mark}";

    public long Left => Budget.LimitMicros - Budget.SpentMicros - Budget.HeldMicros;

    public static string KeyOf(Id<Tenant>? tenant) => tenant?.ToString() ?? OfPlatform;

    public static BudgetRow Read(DbDataReader row)
    {
        var tenant = row.GetString(0);
        var stored = new Budget(
            new BudgetKey(row.Name<BudgetScope>(1), row.GetString(2)),
            tenant.Length == 0 ? null : Id<Tenant>.Parse(tenant),
            row.GetInt64(3),
            row.Name<BudgetPeriod>(4),
            row.Json<IReadOnlyList<int>>(5),
            row.GetString(6),
            row.Moment(7),
            row.Moment(8))
        {
            PeriodStart = row.Moment(9),
            SpentMicros = row.GetInt64(10),
            HeldMicros = row.GetInt64(11),
        };
        var now = row.Moment(14);
        var budget = stored.At(now);
        return new(budget, row.GetInt64(12), budget.PeriodStart == stored.PeriodStart ? row.GetInt32(13) : 0, now);
    }

    /// <summary>The thresholds that the spending has reached and nobody was told of, rising.</summary>
    public IEnumerable<int> Reached() => Budget.Thresholds.Where(percent => percent > Notified && Budget.HasReached(percent));

    public void Write(Link link) => link.Post(
        BudgetSql.Count,
        ("@period_start", Instant.ToNumber(Budget.PeriodStart)),
        ("@spent_micros", Budget.SpentMicros),
        ("@held_micros", Budget.HeldMicros),
        ("@notified", Notified),
        ("@tenant_id", TenantKey),
        ("@budget_id", Budget.Key.ToString()));
}
