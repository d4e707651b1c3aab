namespace Insula.Agents.Schedules;

/// <summary>
/// What a look at a schedule finds due: a function of the schedule and the time. Each moment between
/// <see cref="Schedule.SettledUntil"/> and now gets one line, or its part in one, and the policy for missed moments decides
/// which. Whether an earlier run is still open is asked when a firing is carried out.
/// </summary>
/// <param name="SettledUntil">The newest moment with a line.</param>
internal sealed record FiringPlan(IReadOnlyList<Firing> Lines, DateTimeOffset SettledUntil)
{
    public const int RunAllMax = 10;

    /// <summary>How late a firing may be and still count as in time.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(60);

    /// <summary>Moments that one look goes through; of a longer absence the oldest ones are let go.</summary>
    private const int MomentsMax = 50_000;

    public static FiringPlan Of(Schedule schedule, CronTimes times, DateTimeOffset now)
    {
        var moments = Due(schedule, times, schedule.PausedAt < now ? schedule.PausedAt.Value : now);
        if (moments.Count == 0) return new([], schedule.SettledUntil);
        if (moments.Count > MomentsMax)
        {
            moments.RemoveAt(MomentsMax);
            return new([Firing.Missed(schedule.Id, moments, now)], moments[^1]);
        }

        var missed = moments.FindLastIndex(moment => now - moment > Grace) + 1;
        var fires = schedule.Definition.Missed switch
        {
            MissedPolicy.Skip => missed,
            MissedPolicy.RunOnce => Math.Max(0, missed - 1),
            _ => Math.Max(0, missed - RunAllMax),
        };
        List<Firing> lines = fires > 0 ? [Firing.Missed(schedule.Id, moments[..fires], now)] : [];
        lines.AddRange(moments[fires..].Select(moment => Firing.At(schedule.Id, moment)));
        return new(lines, moments[^1]);
    }

    private static List<DateTimeOffset> Due(Schedule schedule, CronTimes times, DateTimeOffset until)
    {
        List<DateTimeOffset> moments = [];
        var last = schedule.SettledUntil;
        while (moments.Count <= MomentsMax && schedule.NextAfter(times, last) is { } next && next <= until)
        {
            moments.Add(next);
            last = next;
        }

        return moments;
    }
}
