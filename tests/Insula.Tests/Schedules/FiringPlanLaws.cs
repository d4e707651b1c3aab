using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Schedules;
using Insula.Tenancy.Identity;

namespace Insula.Tests.Schedules;

/// <summary>What a look finds due, over random schedules and absences, against the rule written out moment by moment.</summary>
public sealed class FiringPlanLaws
{
    private static readonly DateTimeOffset Start = new(2026, 3, 28, 22, 0, 30, TimeSpan.Zero);

    private static readonly Gen<(string Cron, MissedPolicy Missed, int AwaySeconds, int? PausedAfter)> Cases =
        from cron in Gen.Elements("* * * * *", "*/7 * * * *", "30 2 * * *", "0 */3 * * *", "15 * * * mon-fri")
        from missed in Gen.Elements(Enum.GetValues<MissedPolicy>())
        from away in Gen.OneOf(Gen.Choose(0, 200), Gen.Choose(0, 40_000), Gen.Choose(0, 1_000_000))
        from paused in Gen.OneOf(Gen.Constant((int?)null), Gen.Choose(0, 40_000).Select(static seconds => (int?)seconds))
        select (cron, missed, away, paused);

    [Fact]
    public void Every_due_moment_has_its_part_in_one_line_and_the_policy_says_which_fire() =>
        Prop.ForAll(Cases.ToArbitrary(), static given =>
        {
            var definition = ScheduleSimulation.Definition(given.Cron, OverlapPolicy.Queue) with { Missed = given.Missed, TimeZone = "Europe/Zurich" };
            var schedule = new Schedule(Id<Schedule>.New(), definition, given.PausedAfter is { } paused ? Start.AddSeconds(paused) : null, Start, Start, Start);
            var times = CronTimes.Of(definition);
            var now = Start.AddSeconds(given.AwaySeconds);
            var plan = FiringPlan.Of(schedule, times, now);

            var due = ScheduleSimulation.Moments(times, Start, schedule.PausedAt < now ? schedule.PausedAt.Value : now);
            var missed = due.Where(moment => moment < now.AddSeconds(-60)).ToList();
            var fires = given.Missed switch { MissedPolicy.Skip => 0, MissedPolicy.RunOnce => 1, _ => 10 };
            List<DateTimeOffset> expected = [.. missed.TakeLast(fires), .. due.Skip(missed.Count)];

            Assert.Equal(expected, plan.Lines.Where(static line => line.Outcome == FiringOutcome.Pending).Select(static line => line.ScheduledFor));
            Assert.Equal(due.Count - expected.Count, plan.Lines.Where(static line => line.Outcome == FiringOutcome.SkippedMissed).Sum(static line => line.Moments));
            Assert.Equal(due.Count > 0 ? due[^1] : Start, plan.SettledUntil);
            Assert.Equal(plan.Lines.Count, plan.Lines.Select(static line => line.Id).Distinct().Count());
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Fact]
    public void An_absence_of_years_is_gone_through_in_parts()
    {
        var definition = ScheduleSimulation.Definition("* * * * *", OverlapPolicy.Queue) with { Missed = MissedPolicy.RunOnce };
        var schedule = new Schedule(Id<Schedule>.New(), definition, PausedAt: null, Start, Start, Start);
        var times = CronTimes.Of(definition);
        var now = Start.AddDays(100);
        long moments = 0;
        for (var parts = 0; ; parts++)
        {
            var plan = FiringPlan.Of(schedule, times, now);
            if (plan.Lines.Count == 0)
            {
                Assert.InRange(parts, 2, 4);
                break;
            }

            moments += plan.Lines.Sum(static line => line.Moments);
            schedule = schedule with { SettledUntil = plan.SettledUntil };
        }

        Assert.Equal(100 * 24 * 60, moments);
    }
}
