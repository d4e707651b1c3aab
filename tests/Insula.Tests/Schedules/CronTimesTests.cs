using Insula.Agents.Schedules;

namespace Insula.Tests.Schedules;

public sealed class CronTimesTests
{
    [Theory]
    [InlineData("30 7 * * *", "UTC", "2026-11-22T08:00:00Z", "2026-11-23T07:30:00Z", "2026-11-24T07:30:00Z")]
    [InlineData("*/20 * * * *", "UTC", "2026-11-22T08:05:00Z", "2026-11-22T08:20:00Z", "2026-11-22T08:40:00Z", "2026-11-22T09:00:00Z")]
    [InlineData("0 9 * * mon-fri", "UTC", "2026-11-20T10:00:00Z", "2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z")]
    [InlineData("0 9 * * 7", "UTC", "2026-11-20T10:00:00Z", "2026-11-22T09:00:00Z", "2026-11-29T09:00:00Z")]
    [InlineData("0 9 * * 0,6", "UTC", "2026-11-20T10:00:00Z", "2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z", "2026-11-28T09:00:00Z")]
    [InlineData("0 0 13 * 5", "UTC", "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z", "2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z")]
    [InlineData("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z")]
    [InlineData("@daily", "Asia/Kathmandu", "2026-11-22T00:00:00Z", "2026-11-22T18:15:00Z", "2026-11-23T18:15:00Z")]
    [InlineData("@WEEKLY", "UTC", "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z")]
    [InlineData("0 12 1 jan,jul *", "UTC", "2026-11-22T00:00:00Z", "2027-01-01T12:00:00Z", "2027-07-01T12:00:00Z")]
    public void A_cron_expression_fires_as_every_cron_does(string cron, string zone, string after, params string[] expected) => Fires(cron, zone, after, expected);

    /// <summary>Zurich sets the clock forward on 2026-03-29 at 02:00 (01:00Z) and back on 2026-10-25 at 03:00 (01:00Z).</summary>
    [Theory]
    [InlineData("30 2 * * *", "Europe/Zurich", "2026-03-28T00:00:00Z", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")]
    [InlineData("15,30 2 * * *", "Europe/Zurich", "2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:15:00Z")]
    [InlineData("0 3 * * *", "Europe/Zurich", "2026-03-28T03:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z")]
    [InlineData("30 2-3 * * *", "Europe/Zurich", "2026-03-28T03:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z")]
    [InlineData("30 * * * *", "Europe/Zurich", "2026-03-29T00:00:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z")]
    [InlineData("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z")]
    [InlineData("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z")]
    public void A_time_that_the_clock_leaves_out_fires_when_it_is_set_forward(string cron, string zone, string after, params string[] expected) => Fires(cron, zone, after, expected);

    [Theory]
    [InlineData("30 2 * * *", "Europe/Zurich", "2026-10-24T00:00:00Z", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    [InlineData("30 2 * * *", "Europe/Zurich", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    [InlineData("*/20 2 * * *", "Europe/Zurich", "2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:20:00Z", "2026-10-25T00:40:00Z", "2026-10-26T01:00:00Z")]
    [InlineData("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z")]
    public void A_time_that_comes_twice_fires_at_its_first_coming(string cron, string zone, string after, params string[] expected) => Fires(cron, zone, after, expected);

    [Theory]
    [InlineData("*/30 * * * *", "Europe/Zurich", "2026-10-24T23:45:00Z", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z")]
    [InlineData("30 * * * *", "Europe/Zurich", "2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z")]
    [InlineData("30 * * * *", "Australia/Lord_Howe", "2026-04-04T13:00:00Z", "2026-04-04T13:30:00Z", "2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z", "2026-04-04T16:00:00Z")]
    public void An_expression_for_every_hour_fires_whenever_the_wall_clock_shows_its_minute(string cron, string zone, string after, params string[] expected) => Fires(cron, zone, after, expected);

    [Theory]
    [InlineData("* * * *", "cron must be five fields")]
    [InlineData("0 0 * * * *", "cron must be five fields")]
    [InlineData("60 * * * *", "The minute '60'")]
    [InlineData("0 24 * * *", "The hour '24'")]
    [InlineData("0 0 32 * *", "The day '32'")]
    [InlineData("0 0 * 13 *", "The month '13'")]
    [InlineData("0 0 * * 8", "The weekday '8'")]
    [InlineData("0 0 L * *", "The day 'l'")]
    [InlineData("0 0 31 2 *", "would never fire")]
    [InlineData("@reboot", "cron must be five fields")]
    public void A_mistake_is_refused_by_the_name_of_its_field(string cron, string says)
    {
        var fault = CronTimes.Read(cron, "UTC").Fault!;
        Assert.Equal("cron", fault.Field);
        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Mars/Olympus")]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    public void An_unknown_time_zone_is_refused(string zone) => Assert.Equal("time_zone", CronTimes.Read("@daily", zone).Fault!.Field);

    /// <summary>Against a walk through the calendar minute by minute, in zones that change their clocks in different ways.</summary>
    [Theory]
    [InlineData("Europe/Zurich")]
    [InlineData("America/New_York")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("Africa/Casablanca")]
    [InlineData("America/Sao_Paulo")]
    [InlineData("Asia/Tehran")]
    public void Each_minute_of_a_year_is_shown_and_fired_alike(string zone)
    {
        var law = TimeZoneInfo.FindSystemTimeZoneById(zone);
        var times = CronTimes.Read("17,42 * * * *", zone).Value;
        var from = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var expected = Enumerable.Range(1, 366 * 24 * 60).Select(minute => from.AddMinutes(minute)).Where(moment => TimeZoneInfo.ConvertTime(moment, law).Minute is 17 or 42);
        var next = from;
        foreach (var moment in expected) Assert.Equal(moment, next = times.Next(next)!.Value);
    }

    private static void Fires(string cron, string zone, string after, string[] expected)
    {
        var times = CronTimes.Read(cron, zone).Value;
        List<string> fired = [];
        var last = DateTimeOffset.Parse(after);
        while (fired.Count < expected.Length && times.Next(last) is { } next)
        {
            fired.Add($"{next:yyyy-MM-ddTHH:mm:ss}Z");
            last = next;
        }


        Assert.Equal(expected, fired);
    }
}
