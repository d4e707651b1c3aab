using Insula.Agents.Agents;
using Insula.Agents.Environments;
using Insula.Agents.Events;
using Insula.Agents.Schedules;
using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.TestKit;

namespace Insula.Storage.Tests.Contracts;

/// <summary>Schedules and the history of each, in every placement.</summary>
public abstract class SchedulesContract(TenantPlace place) : TenantStoreContract(place)
{
    private static readonly DateTimeOffset Long = Start.AddYears(-1);

    [Fact]
    public async Task A_schedule_is_read_as_it_was_written_and_changed_also_after_reopening()
    {
        var schedule = NewSchedule() with { PausedAt = Start.AddTicks(7) };
        Assert.True(await Store.Schedules.AddAsync(schedule, 10, Ct));
        Same(schedule, await Store.Schedules.FindAsync(schedule.Id, Ct));
        Assert.Null(await Other.Schedules.FindAsync(schedule.Id, Ct));

        var changed = schedule with { PausedAt = null, SettledUntil = Start.AddHours(1), UpdatedAt = Start.AddHours(2), Definition = schedule.Definition with { AgentId = null, EnvironmentId = null, SessionId = Id<Session>.New(), EndsAt = null } };
        Same(changed, (await Store.Schedules.UpdateAsync(schedule.Id, _ => changed, Ct))!.Value.Value);
        Assert.Equal("no", (await Store.Schedules.UpdateAsync(schedule.Id, static _ => Fault.Conflict("no", "No."), Ct))!.Value.Fault!.Code);
        Assert.Null(await Other.Schedules.UpdateAsync(schedule.Id, _ => changed, Ct));
        await ReopenStoreAsync();
        Same(changed, await Store.Schedules.FindAsync(schedule.Id, Ct));
    }

    [Fact]
    public async Task A_tenant_has_at_most_so_many_also_when_they_come_at_once()
    {
        var added = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Store.Schedules.AddAsync(NewSchedule(), 3, Ct)));
        Assert.Equal(3, added.Count(static it => it));
        Assert.True(await Other.Schedules.AddAsync(NewSchedule(), 3, Ct));
    }

    [Fact]
    public async Task Schedules_are_listed_newest_first_by_filter()
    {
        var all = Enumerable.Range(0, 5).Select(i => NewSchedule() with { CreatedAt = Start.AddSeconds(i), PausedAt = i % 2 == 0 ? Start : null }).ToList();
        foreach (var schedule in all) await Store.Schedules.AddAsync(schedule, 10, Ct);
        all.Reverse();
        SameList(all, await Walk(page => Store.Schedules.ListAsync(new(), page, Ct), 2));
        SameList(all.Where(static it => it.PausedAt is null), await Walk(page => Store.Schedules.ListAsync(new(Enabled: true), page, Ct), 2));
        SameList([all[1]], await Walk(page => Store.Schedules.ListAsync(new(AgentId: all[1].Definition.AgentId), page, Ct), 2));
        Assert.Empty(await Walk(page => Other.Schedules.ListAsync(new(), page, Ct), 2));
    }

    [Fact]
    public async Task Lines_are_written_once_and_only_by_who_saw_the_schedule_as_it_is()
    {
        var schedule = NewSchedule();
        await Store.Schedules.AddAsync(schedule, 10, Ct);
        var (first, second) = (Firing.At(schedule.Id, Start.AddMinutes(1)), Firing.At(schedule.Id, Start.AddMinutes(2)));
        Assert.True(await SettleAsync(schedule, first.ScheduledFor, first));
        Assert.False(await SettleAsync(schedule, second.ScheduledFor, first, second));

        // Somebody set the schedule back: its lines stay as they are.
        var back = (await Store.Schedules.UpdateAsync(schedule.Id, static it => it with { SettledUntil = Start }, Ct))!.Value.Value;
        Assert.True(await Store.Schedules.FinishAsync(first with { Outcome = FiringOutcome.Failed, Reason = HardText, SettledAt = Start.AddMinutes(3) }, sent: null, Ct));
        Assert.True(await SettleAsync(back, second.ScheduledFor, first, second));
        SameList([second, first with { Outcome = FiringOutcome.Failed, Reason = HardText, SettledAt = Start.AddMinutes(3) }], await HistoryAsync(schedule));
        SameList([second], await Store.Schedules.ListPendingAsync(schedule.Id, 10, Ct));
        Assert.Equal(second.ScheduledFor, (await Store.Schedules.FindAsync(schedule.Id, Ct))!.SettledUntil);

        Assert.True(await Store.Schedules.FinishAsync(second with { Outcome = FiringOutcome.SkippedOverlap }, sent: null, Ct));
        Assert.False(await Store.Schedules.FinishAsync(second with { Outcome = FiringOutcome.Fired }, sent: null, Ct));
        Assert.False(await Other.Schedules.AddFiringAsync(Firing.ByHand(schedule.Id, Start), Ct));
        Assert.True(await Store.Schedules.AddFiringAsync(Firing.ByHand(schedule.Id, Start), Ct));
        Assert.True(await Store.Schedules.RemoveAsync(schedule.Id, Ct));
        Assert.False(await Store.Schedules.RemoveAsync(schedule.Id, Ct));
        Assert.Empty(await HistoryAsync(schedule));
        Assert.False(await SettleAsync(schedule, Start));
    }

    [Fact]
    public async Task The_history_is_read_in_pages_by_outcome_and_keeps_the_newest_lines()
    {
        var schedule = NewSchedule();
        await Store.Schedules.AddAsync(schedule, 10, Ct);
        var lines = Enumerable.Range(1, 20).Select(i => Firing.At(schedule.Id, Start.AddMinutes(i)) with { Outcome = i % 2 == 0 ? FiringOutcome.SkippedOverlap : FiringOutcome.SkippedMissed, SettledAt = Start }).ToArray();
        await SettleAsync(schedule, lines[^1].ScheduledFor, lines);
        Array.Reverse(lines);
        SameList(lines, await Walk(page => Store.Schedules.ListFiringsAsync(schedule.Id, null, page, Ct), 7));
        SameList(lines.Where(static line => line.Outcome == FiringOutcome.SkippedMissed), await Walk(page => Store.Schedules.ListFiringsAsync(schedule.Id, FiringOutcome.SkippedMissed, page, Ct), 3));
        Assert.Empty((await Other.Schedules.ListFiringsAsync(schedule.Id, null, First(10), Ct)).Items);

        var seen = (await Store.Schedules.FindAsync(schedule.Id, Ct))!;
        var newest = Firing.At(schedule.Id, Start.AddMinutes(21));
        Assert.True(await Store.Schedules.SettleAsync(seen, new([newest], newest.ScheduledFor), Long, 5, Ct));
        SameList([newest, .. lines.Take(4)], await HistoryAsync(schedule));
        seen = (await Store.Schedules.FindAsync(schedule.Id, Ct))!;
        Assert.True(await Store.Schedules.SettleAsync(seen, new([], newest.ScheduledFor), Start.AddMinutes(30), 5, Ct));
        SameList([newest], await HistoryAsync(schedule));
    }

    [Fact]
    public async Task A_firing_that_is_begun_is_not_passed_over_and_one_with_an_outcome_is_not_begun()
    {
        var schedule = NewSchedule();
        await Store.Schedules.AddAsync(schedule, 10, Ct);
        var (sent, skipped) = (Firing.At(schedule.Id, Start.AddMinutes(1)), Firing.At(schedule.Id, Start.AddMinutes(2)));
        await SettleAsync(schedule, skipped.ScheduledFor, sent, skipped);
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);

        Assert.False(await Other.Schedules.BeginAsync(sent.Id, session.Id, Ct));
        Assert.True(await Store.Schedules.BeginAsync(sent.Id, session.Id, Ct));
        Assert.True(await Store.Schedules.BeginAsync(sent.Id, session.Id, Ct));
        SameList([sent with { Session = session.Id }, skipped], await Store.Schedules.ListPendingAsync(schedule.Id, 10, Ct));
        Assert.False(await Store.Schedules.FinishAsync(sent with { Outcome = FiringOutcome.SkippedOverlap }, sent: null, Ct));
        Assert.True(await Store.Schedules.FinishAsync(sent with { Outcome = FiringOutcome.Fired, Session = session.Id }, sent.EventId(0), Ct));

        Assert.True(await Store.Schedules.FinishAsync(skipped with { Outcome = FiringOutcome.SkippedOverlap }, sent: null, Ct));
        Assert.False(await Store.Schedules.BeginAsync(skipped.Id, session.Id, Ct));
        Assert.Empty(await Store.Schedules.ListPendingAsync(schedule.Id, 10, Ct));
    }

    [Fact]
    public async Task A_firing_is_open_until_its_message_is_taken_up_and_the_run_has_ended()
    {
        var schedule = NewSchedule();
        await Store.Schedules.AddAsync(schedule, 10, Ct);
        var firing = Firing.At(schedule.Id, Start);
        await SettleAsync(schedule, Start, firing);
        Assert.False(await Store.Schedules.WasSentAsync(firing.EventId(0), Ct));

        var session = NewSession() with { Id = firing.OwnSession };
        await Store.Sessions.AddAsync(session, [Message("x") with { Id = firing.EventId(0) }], Ct);
        Assert.True(await Store.Schedules.WasSentAsync(firing.EventId(0), Ct));
        Assert.False(await Other.Schedules.WasSentAsync(firing.EventId(0), Ct));
        Assert.Null(await Store.Schedules.FindOpenAsync(schedule.Id, Ct));

        var fired = firing with { Outcome = FiringOutcome.Fired, SettledAt = Start, Session = session.Id };
        Assert.True(await Store.Schedules.FinishAsync(fired, firing.EventId(0), Ct));
        Same(fired.Id, (await Store.Schedules.FindOpenAsync(schedule.Id, Ct))!.Id);
        Assert.Null(await Other.Schedules.FindOpenAsync(schedule.Id, Ct));
        await Store.Sessions.RemoveAsync(session.Id, static _ => null, Ct);
        Assert.Null(await Store.Schedules.FindOpenAsync(schedule.Id, Ct));
        SameList([fired], await HistoryAsync(schedule));
    }

    private static Schedule NewSchedule() => new(
        Id<Schedule>.New(),
        new ScheduleDefinition(
            HardText, "@daily", "Europe/Zurich", Id<Agent>.New(), Id<AgentEnvironment>.New(), null, [new UserMessage([ContentBlock.OfText(HardText)])], MissedPolicy.RunOnce, OverlapPolicy.Interrupt, Start, Start.AddYears(1), new Dictionary<string, string> { ["k"] = HardText }),
        PausedAt: null,
        Start,
        Start,
        Start);

    private Task<bool> SettleAsync(Schedule seen, DateTimeOffset until, params Firing[] lines) => Store.Schedules.SettleAsync(seen, new(lines, until), Long, 1000, Ct);

    private async Task<IReadOnlyList<Firing>> HistoryAsync(Schedule schedule) => (await Store.Schedules.ListFiringsAsync(schedule.Id, null, First(100), Ct)).Items;
}
