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
