using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Schedules;

namespace Insula.Tests.Schedules;

/// <summary>
/// Schedules over jumps of the clock, suspensions, several nodes, and nodes that die between any two steps: each due moment
/// is fired or recorded as skipped, once; and each that fired sent its message, once.
/// </summary>
public sealed class ScheduleLaws
{
    /// <summary>How many histories; more than fit into the suite by INSULA_TEST_SCHEDULES.</summary>
    private static int HistoriesCount => int.TryParse(Environment.GetEnvironmentVariable("INSULA_TEST_SCHEDULES"), out var count) ? count : 25;

    private enum Kind
    {
        Look,
        Pass,
        Jump,
        Suspend,
        Resume,
    }

    private static readonly Gen<Happening> Happenings = Gen.Frequency(
        (8, from node in Gen.Choose(0, 2) from diesAt in Gen.Frequency((1, Gen.Constant(int.MaxValue)), (3, Gen.Choose(1, 14))) select new Happening(Kind.Look, node, diesAt)),
        (6, from seconds in Gen.OneOf(Gen.Choose(1, 40), Gen.Choose(30, 400), Gen.Choose(300, 20_000)) select new Happening(Kind.Pass, seconds, 0)),
        (1, from minutes in Gen.Choose(-90, 90) select new Happening(Kind.Jump, minutes, 0)),
        (1, Gen.Elements(new Happening(Kind.Suspend, 0, 0), new Happening(Kind.Resume, 0, 0))));

    private static readonly Gen<History> Histories =
        from nodes in Gen.Choose(1, 3)
        from overlap in Gen.Elements(Enum.GetValues<OverlapPolicy>())
        from missed in Gen.Elements(Enum.GetValues<MissedPolicy>())
        from intoOne in Gen.Elements(true, false)
        from happenings in Happenings.ListOf(25)
        select new History(nodes, overlap, missed, intoOne, [.. happenings]);

    [Fact]
    public void Every_due_moment_is_fired_or_recorded_as_skipped_exactly_once() =>
        Prop.ForAll(Histories.ToArbitrary(), static history => HoldsAsync(history).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(HistoriesCount));

    private static async Task<bool> HoldsAsync(History history)
    {
        var definition = ScheduleSimulation.Definition("*/2 * * * *", history.Overlap) with { Missed = history.Missed };
        await using var simulation = await ScheduleSimulation.StartAsync(history.Nodes, definition, history.IntoOne);
        foreach (var happening in history.Happenings) await HappenAsync(simulation, happening);

        // Peace: what was begun is finished, and nothing more dies. Firings that wait for a run wait on. A clock that was set
        // back has to come to where it was: nobody looks before.
        simulation.Clock.Advance(TimeSpan.FromMinutes(history.Happenings.Where(static happening => happening.Kind == Kind.Jump).Sum(static jump => Math.Max(0, -jump.Size))));
        await simulation.SuspendAsync(suspended: false);
        for (var look = 0; look < 4; look++)
        {
            simulation.Clock.Advance(ScheduleWatch.LeaseLength + TimeSpan.FromSeconds(1));
            await simulation.LookAsync(look, int.MaxValue);
        }

        var lines = await simulation.HistoryAsync();
        CheckMoments(simulation, definition, lines);
        var fired = lines.Where(static line => line.Outcome == FiringOutcome.Fired).ToList();
        Assert.DoesNotContain(lines, static line => line.Outcome == FiringOutcome.Failed);
        if (history.Overlap != OverlapPolicy.Queue) Assert.DoesNotContain(lines, static line => line.Outcome == FiringOutcome.Pending);
        if (history.Overlap == OverlapPolicy.Interrupt) Assert.DoesNotContain(lines, static line => line.Outcome == FiringOutcome.SkippedOverlap);
        else Assert.True(fired.Count <= 1, "No run ends here, so only the first may fire.");
        if (history.Missed == MissedPolicy.RunAll) Assert.True(lines.Exists(static line => line.Outcome == FiringOutcome.Fired) || lines.Count == 0);

        // Each that fired sent its one message, to its own session or to the one.
        var sent = (await simulation.SentAsync()).ToDictionary(static message => message.Event, static message => message.Session);
        Assert.Equal(fired.Count, sent.Count);
        foreach (var line in fired) Assert.Equal(line.Session, sent[line.EventId(0)]);
        Assert.Equal(history.IntoOne ? Math.Min(1, fired.Count) : fired.Count, sent.Values.Distinct().Count());
        return true;
    }

    /// <summary>Together the lines are the moments of the expression, from the first to the newest, without gap and without repeat.</summary>
    private static void CheckMoments(ScheduleSimulation simulation, ScheduleDefinition definition, List<Firing> lines)
    {
        var times = CronTimes.Of(definition);
        var start = simulation.Schedule.SettledUntil;
        List<DateTimeOffset> settled = [];
        foreach (var line in lines)
        {
            var its = ScheduleSimulation.Moments(times, line.Since.AddTicks(-1), line.ScheduledFor);
            Assert.Equal(line.Moments, its.Count);
            settled.AddRange(its);
        }

        var newest = settled.Count > 0 ? settled[^1] : start;
        Assert.Equal(ScheduleSimulation.Moments(times, start, newest), settled);
        var next = times.Next(newest);
        Assert.True(next > simulation.Clock.GetUtcNow(), $"{next} is due and has no line.");
    }

    private static Task HappenAsync(ScheduleSimulation simulation, Happening happening)
    {
        switch (happening.Kind)
        {
            case Kind.Look:
                return simulation.LookAsync(happening.Size, happening.DiesAt);
            case Kind.Pass:
                simulation.Clock.Advance(TimeSpan.FromSeconds(happening.Size));
                return Task.CompletedTask;
            case Kind.Jump:
                simulation.Clock.ShiftWallClock(TimeSpan.FromMinutes(happening.Size));
                return Task.CompletedTask;
            default:
                return simulation.SuspendAsync(happening.Kind == Kind.Suspend);
        }
    }

    private sealed record Happening(Kind Kind, int Size, int DiesAt);

    private sealed record History(int Nodes, OverlapPolicy Overlap, MissedPolicy Missed, bool IntoOne, Happening[] Happenings)
    {
        public override string ToString() => $"{Nodes} nodes, {Overlap}, {Missed}, {(IntoOne ? "one session" : "own sessions")}: {string.Join("; ", Happenings.Select(static h => $"{h.Kind} {h.Size} {h.DiesAt}"))}";
    }
}
