namespace Insula.Tenancy.Budgets;

/// <summary>The calendar of budgets, in UTC.</summary>
public static class BudgetPeriods
{
    public static DateTimeOffset StartOf(BudgetPeriod period, DateTimeOffset now)
    {
        var day = new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero);
        return period switch
        {
            BudgetPeriod.Day => day,
            BudgetPeriod.Week => day.AddDays(-(((int)day.DayOfWeek + 6) % 7)),
            BudgetPeriod.Month => day.AddDays(1 - day.Day),
            _ => DateTimeOffset.UnixEpoch,
        };
    }

    /// <summary>Null for the period that never ends.</summary>
    public static DateTimeOffset? EndOf(BudgetPeriod period, DateTimeOffset start) => period switch
    {
        BudgetPeriod.Day => start.AddDays(1),
        BudgetPeriod.Week => start.AddDays(7),
        BudgetPeriod.Month => start.AddMonths(1),
        _ => null,
    };
}
