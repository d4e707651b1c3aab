using Insula.Agents.Agents;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.TestKit;

namespace Insula.Storage.Tests.Contracts;

/// <summary>Runs from the message that queues them to their end, and what is listed of them.</summary>
public abstract class RunsContract(TenantPlace place) : TenantStoreContract(place)
{
    [Fact]
    public async Task A_message_queues_one_run_which_has_its_id_and_the_next_messages_join_it()
    {
        var session = NewSession();
        var first = Message("first");
        await Store.Sessions.AddAsync(session, [], Ct);
        await SayAsync(session, first);
        await SayAsync(session, Message("second"));

        Same(Run.QueuedBy(first.Id, session.Id, Start), Assert.Single(await RunsOfAsync(session)));
        Assert.Null(await Store.Sessions.FindOpenRunAsync(session.Id, Ct));
        Assert.Null((await Store.Sessions.FindAsync(session.Id, Ct))!.OpenRun);
        Assert.Null(await Other.Runs.FindAsync(Run.IdOf(first.Id), Ct));
    }

    [Fact]
    public async Task Initial_messages_queue_a_run_and_other_input_queues_none()
    {
        var session = NewSession();
        var message = Message("hello");
        await Store.Sessions.AddAsync(session, [new NewEvent(new SystemMessage([ContentBlock.OfText("be kind")])), message], Ct);
        Assert.Equal(Run.IdOf(message.Id), Assert.Single(await RunsOfAsync(session)).Id);

        var silent = NewSession();
        await Store.Sessions.AddAsync(silent, [new NewEvent(new UserInterrupt())], Ct);
        Assert.Empty(await RunsOfAsync(silent));
    }

    [Fact]
    public async Task A_run_that_begins_takes_its_messages_and_what_came_meanwhile_queues_the_next()
    {
        var session = NewSession();
        var (first, late) = (Message("first"), Message("late"));
        await Store.Sessions.AddAsync(session, [first], Ct);
        var epoch = (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch;
        await SayAsync(session, late);

        var run = Run.QueuedBy(first.Id, session.Id, Start) with { Status = RunStatus.Running, StartedAt = Start.AddSeconds(1) };
        await Store.Sessions.AppendAsync(new RunAppend(session.Id, epoch, run, [], [first.Id], run.Id, [], SessionStatus.Running, 0, Start), Ct);

        Same(run, await Store.Sessions.FindOpenRunAsync(session.Id, Ct));
        Assert.Equal(run.Id, (await Store.Sessions.FindAsync(session.Id, Ct))!.OpenRun);
        Assert.Equal(RunStatus.Queued, (await Store.Runs.FindAsync(Run.IdOf(late.Id), Ct))!.Status);

        var over = run with { Status = RunStatus.Ended, StopReason = "end_turn", Steps = 2, EndedAt = Start.AddSeconds(2), Usage = new(1, 2, 3, 4) };
        await Store.Sessions.AppendAsync(new RunAppend(session.Id, epoch, over, [], [], over.Id, [], SessionStatus.Idle, 0, Start), Ct);
        Same(over, await Store.Runs.FindAsync(run.Id, Ct));
        Assert.Null((await Store.Sessions.FindAsync(session.Id, Ct))!.OpenRun);
    }

    [Fact]
    public async Task A_queued_run_whose_message_is_settled_without_it_is_cancelled_and_the_rest_queues_another()
    {
        var session = NewSession();
        var (dropped, left) = (Message("dropped"), Message("left"));
        await Store.Sessions.AddAsync(session, [dropped], Ct);
        await SayAsync(session, left);
        var epoch = (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch;

        await Store.Sessions.AppendAsync(new RunAppend(session.Id, epoch, null, [], [dropped.Id], null, [], null, 0, Start.AddSeconds(5)), Ct);

        var cancelled = await Store.Runs.FindAsync(Run.IdOf(dropped.Id), Ct);
        Assert.Equal((RunStatus.Ended, Run.Cancelled, Start.AddSeconds(5)), (cancelled!.Status, cancelled.StopReason, cancelled.EndedAt!.Value));
        Assert.Equal(RunStatus.Queued, (await Store.Runs.FindAsync(Run.IdOf(left.Id), Ct))!.Status);
    }

    [Fact]
    public async Task An_interrupt_that_names_the_queued_run_ends_it_here_and_now_and_the_open_one_goes_on()
    {
        var (session, run, epoch) = await BegunAsync();
        var (one, two, three) = (Message("one"), Message("two"), Message("three"));
        await SayAsync(session, one);
        await SayAsync(session, two);

        var at = Start.AddSeconds(7);
        var interrupt = new NewEvent(new UserInterrupt(Run.IdOf(one.Id)));
        var appended = (await Store.Sessions.AppendInputAsync(session.Id, [interrupt], static _ => null, at, Ct))!.Value.Value;

        Assert.Equal(at, Assert.Single(appended).ProcessedAt);
        var log = await Store.Sessions.ReadAsync(session.Id, 0, 100, Ct);
        Assert.Equal([at, at, at], log.TakeLast(3).Select(static e => e.ProcessedAt!.Value));
        Assert.All(log.TakeLast(3), static e => Assert.Null(e.Run));
        var cancelled = (await Store.Runs.FindAsync(Run.IdOf(one.Id), Ct))!;
        Assert.Equal((RunStatus.Ended, Run.Cancelled, at), (cancelled.Status, cancelled.StopReason, cancelled.EndedAt!.Value));

        // Nothing of the open run changed, and its worker goes on under its claim.
        var now = (await Store.Sessions.FindAsync(session.Id, Ct))!;
        Assert.Equal((run.Id, epoch, SessionStatus.Running, false), (now.OpenRun!.Value, now.Epoch, now.Status, now.PendingInput));
        await SayAsync(session, three);
        Assert.Equal(RunStatus.Queued, (await Store.Runs.FindAsync(Run.IdOf(three.Id), Ct))!.Status);
        await Store.Sessions.AppendAsync(new RunAppend(session.Id, epoch, run with { Steps = 2 }, [new NewEvent(new AgentThinking())], [], run.Id, [], null, 0, at), Ct);
        Same(run with { Steps = 2 }, await Store.Sessions.FindOpenRunAsync(session.Id, Ct));
    }

    [Fact]
    public async Task An_interrupt_that_names_any_other_run_is_for_a_worker()
    {
        var (session, run, _) = await BegunAsync();
        var (one, two) = (Message("one"), Message("two"));
        await SayAsync(session, one);
        await SayAsync(session, two);
        foreach (var named in (Id<Run>?[])[run.Id, Run.IdOf(two.Id), Id<Run>.New(), null])
        {
            var appended = await Store.Sessions.AppendInputAsync(session.Id, [new NewEvent(new UserInterrupt(named))], static _ => null, Start, Ct);
            Assert.Null(Assert.Single(appended!.Value.Value).ProcessedAt);
        }

        Assert.Equal(RunStatus.Queued, (await Store.Runs.FindAsync(Run.IdOf(one.Id), Ct))!.Status);
        Assert.Equal(RunStatus.Running, (await Store.Runs.FindAsync(run.Id, Ct))!.Status);
    }

    [Fact]
    public async Task Input_that_was_settled_since_the_worker_read_it_begins_nothing()
    {
        var session = NewSession();
        var message = Message("hello");
        await Store.Sessions.AddAsync(session, [message], Ct);
        var epoch = (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch;
        await Store.Sessions.AppendInputAsync(session.Id, [new NewEvent(new UserInterrupt(Run.IdOf(message.Id)))], static _ => null, Start, Ct);

        await Assert.ThrowsAsync<OvertakenException>(() => Store.Sessions.AppendAsync(Begin(session, epoch, message, seen: 1), Ct));

        Assert.Equal((RunStatus.Ended, Run.Cancelled), ((await Store.Runs.FindAsync(Run.IdOf(message.Id), Ct))! is var run ? (run.Status, run.StopReason) : default));
        Assert.Equal((2, null), ((await Store.Sessions.FindAsync(session.Id, Ct))! is var now ? (now.LastSeq, now.OpenRun) : default));

        // Who read everything may; who lost the claim hears that, whatever it read.
        var another = Message("again");
        await SayAsync(session, another);
        await Assert.ThrowsAsync<FencedOffException>(() => Store.Sessions.AppendAsync(Begin(session, epoch - 1, another, seen: 3), Ct));
        Assert.Single(await Store.Sessions.AppendAsync(Begin(session, epoch, another, seen: 3), Ct));
    }

    [Fact]
    public async Task Of_a_begin_and_a_cancel_at_one_moment_exactly_one_has_its_way()
    {
        var (begun, cancelled) = (0, 0);
        for (var round = 0; round < 40; round++)
        {
            var session = NewSession();
            var message = Message("hello");
            await Store.Sessions.AddAsync(session, [message], Ct);
            var epoch = (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch;
            Task<IReadOnlyList<SessionEvent>>? begin = null;
            if (round % 2 == 0) begin = Store.Sessions.AppendAsync(Begin(session, epoch, message, seen: 1), Ct);
            var cancel = Store.Sessions.AppendInputAsync(session.Id, [new NewEvent(new UserInterrupt(Run.IdOf(message.Id)))], static _ => null, Start, Ct);
            begin ??= Store.Sessions.AppendAsync(Begin(session, epoch, message, seen: 1), Ct);
            var began = await Record.ExceptionAsync(() => begin) is not { } refused || (refused is OvertakenException ? false : throw refused);
            var left = Assert.Single((await cancel)!.Value.Value);

            Assert.Equal(began, left.ProcessedAt is null);
            var run = (await Store.Runs.FindAsync(Run.IdOf(message.Id), Ct))!;
            Assert.Equal(began ? (RunStatus.Running, null) : (RunStatus.Ended, Run.Cancelled), (run.Status, run.StopReason));
            var now = (await Store.Sessions.FindAsync(session.Id, Ct))!;
            Assert.Equal((began ? run.Id : null, began), (now.OpenRun, now.PendingInput));
            if (began) begun++;
            else cancelled++;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{begun} began, {cancelled} were cancelled.");
    }

    [Fact]
    public async Task Only_the_claim_in_force_cancels_what_is_queued()
    {
        var session = NewSession();
        var message = Message("hello");
        await Store.Sessions.AddAsync(session, [message], Ct);
        var stale = (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch;
        await Store.Sessions.ClaimAsync(session.Id, Ct);

        await Assert.ThrowsAsync<FencedOffException>(() => Store.Sessions.AppendAsync(new RunAppend(session.Id, stale, null, [], [message.Id], null, [], null, 0, Start), Ct));
        Assert.Equal(RunStatus.Queued, (await Store.Runs.FindAsync(Run.IdOf(message.Id), Ct))!.Status);
    }

    [Fact]
    public async Task Why_a_run_failed_is_kept_with_it()
    {
        var session = NewSession();
        var message = Message("hello");
        await Store.Sessions.AddAsync(session, [message], Ct);
        var epoch = (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch;
        var run = Run.QueuedBy(message.Id, session.Id, Start) with
        {
            Status = RunStatus.Terminated,
            StartedAt = Start,
            EndedAt = Start,
            StopReason = "run_abandoned_error",
            Error = new ErrorDetail("run_abandoned_error", "It \"failed\".", RetryStatus.Terminal),
        };
        await Store.Sessions.AppendAsync(new RunAppend(session.Id, epoch, run, [], [message.Id], run.Id, [], SessionStatus.Terminated, 0, Start), Ct);

        Same(run, await Store.Runs.FindAsync(run.Id, Ct));
        Assert.Null(await Store.Sessions.FindOpenRunAsync(session.Id, Ct));
    }

    [Fact]
    public async Task Runs_are_listed_by_age_both_ways_and_by_every_filter()
    {
        List<(Session Session, NewEvent Message)> made = [];
        for (var i = 0; i < 5; i++)
        {
            var session = NewSession() with { AgentId = Id<Agent>.New() };
            var message = Message($"message {i}");
            await Store.Sessions.AddAsync(session, [], Ct);
            await Store.Sessions.AppendInputAsync(session.Id, [message], static _ => null, Start.AddSeconds(i), Ct);
            made.Add((session, message));
        }

        var begun = made[2];
        var epoch = (await Store.Sessions.ClaimAsync(begun.Session.Id, Ct))!.Epoch;
        var run = Run.QueuedBy(begun.Message.Id, begun.Session.Id, Start.AddSeconds(2)) with { Status = RunStatus.Running, StartedAt = Start.AddSeconds(9) };
        await Store.Sessions.AppendAsync(new RunAppend(begun.Session.Id, epoch, run, [], [begun.Message.Id], run.Id, [], SessionStatus.Running, 0, Start), Ct);

        var up = made.ConvertAll(static pair => Run.IdOf(pair.Message.Id));
        Assert.Equal(up, await PagedAsync(new RunFilter { Ascending = true }));
        Assert.Equal(up.AsEnumerable().Reverse(), await PagedAsync(new RunFilter()));
        Assert.Equal([run.Id], await PagedAsync(new RunFilter { Statuses = [RunStatus.Running, RunStatus.Waiting] }));
        Assert.Equal([up[3]], await PagedAsync(new RunFilter { Session = made[3].Session.Id }));
        Assert.Equal([up[1]], await PagedAsync(new RunFilter { Agent = made[1].Session.AgentId }));
        Assert.Equal(up[3..], await PagedAsync(new RunFilter { Ascending = true, Queued = TimeRange.Any with { After = Start.AddSeconds(2) } }));
        Assert.Empty((await Other.Runs.ListAsync(new RunFilter(), new PageRequest(10, null), Ct)).Items);
    }

    /// <summary>A session with an open run, and the epoch of its worker.</summary>
    private async Task<(Session Session, Run Run, long Epoch)> BegunAsync()
    {
        var session = NewSession();
        var message = Message("begin");
        await Store.Sessions.AddAsync(session, [message], Ct);
        var epoch = (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch;
        var begin = Begin(session, epoch, message, seen: 1);
        await Store.Sessions.AppendAsync(begin, Ct);
        return (session, begin.Run!, epoch);
    }

    private static RunAppend Begin(Session session, long epoch, NewEvent message, long seen)
    {
        var run = Run.QueuedBy(message.Id, session.Id, Start) with { Status = RunStatus.Running, StartedAt = Start };
        return new(session.Id, epoch, run, [new NewEvent(new SessionStatusRunning())], [message.Id], run.Id, [], SessionStatus.Running, 0, Start) { Seen = seen };
    }

    private async Task SayAsync(Session session, NewEvent message) => await Store.Sessions.AppendInputAsync(session.Id, [message], static _ => null, Start, Ct);

    private async Task<IReadOnlyList<Run>> RunsOfAsync(Session session) =>
        (await Store.Runs.ListAsync(new RunFilter { Session = session.Id }, new PageRequest(10, null), Ct)).Items;

    private async Task<List<Id<Run>>> PagedAsync(RunFilter filter)
    {
        List<Id<Run>> found = [];
        string? after = null;
        do
        {
            var page = await Store.Runs.ListAsync(filter, new PageRequest(2, after), Ct);
            found.AddRange(page.Items.Select(static run => run.Id));
            after = page.Next;
        }
        while (after is not null);
        return found;
    }
}
