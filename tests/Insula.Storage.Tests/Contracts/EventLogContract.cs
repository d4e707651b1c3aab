using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.TestKit;

namespace Insula.Storage.Tests.Contracts;

/// <summary>The log under runs: order, fencing, projections.</summary>
public abstract class EventLogContract(TenantPlace place) : TenantStoreContract(place)
{
    private Session _session = null!;

    [Fact]
    public async Task A_run_appends_takes_up_input_and_moves_the_session_on_in_one_step()
    {
        var input = await StartAsync("first", "second");
        var epoch = await ClaimAsync();
        var run = NewRun();
        var usage = new UsageRow(Id<UsageRow>.New(), _session.Id, run.Id, UsageRow.Model, "m", new(1, 2, 3, 4), Start);
        var at = Start.AddSeconds(5);
        var events = await Store.Sessions.AppendAsync(
            Step(epoch, run, [new(new SessionStatusRunning())]) with { Processed = [input[0].Id], Usage = [usage], Status = SessionStatus.Running, ActiveSeconds = 1.25, At = at }, Ct);

        var started = Assert.Single(events);
        Assert.Equal((3L, epoch, run.Id, at), (started.Seq, started.Epoch, started.Run!.Value, started.ProcessedAt!.Value));
        var log = await Store.Sessions.ReadAsync(_session.Id, 0, 10, Ct);
        SameList([input[0] with { ProcessedAt = at, Run = run.Id }, input[1], started], log);

        var read = (await Store.Sessions.FindAsync(_session.Id, Ct))!;
        Same(_session with { Status = SessionStatus.Running, LastSeq = 3, Epoch = epoch, PendingInput = true, Usage = new(1, 2, 3, 4), ActiveSeconds = 1.25, UpdatedAt = at, OpenRun = run.Id }, read);
        Same(run, await Store.Sessions.FindOpenRunAsync(_session.Id, Ct));

        // The second input too: nothing is pending.
        await Store.Sessions.AppendAsync(Step(epoch, run, []) with { Processed = [input[1].Id] }, Ct);
        read = (await Store.Sessions.FindAsync(_session.Id, Ct))!;
        Assert.Equal((false, new TokenUsage(1, 2, 3, 4), SessionStatus.Running, 3L), (read.PendingInput, read.Usage, read.Status, read.LastSeq));
    }

    [Fact]
    public async Task The_newest_number_is_told_without_the_log()
    {
        var input = await StartAsync("first", "second");
        Assert.Equal(input[^1].Seq, await Store.Sessions.FindLastSeqAsync(_session.Id, Ct));
        Assert.Null(await Store.Sessions.FindLastSeqAsync(Id<Session>.New(), Ct));
        Assert.Null(await Other.Sessions.FindLastSeqAsync(_session.Id, Ct));
    }

    [Fact]
    public async Task Input_is_taken_up_once()
    {
        var input = await StartAsync("first");
        var epoch = await ClaimAsync();
        var (one, two) = (NewRun(), NewRun());
        await Store.Sessions.AppendAsync(Step(epoch, one, []) with { Processed = [input[0].Id] }, Ct);
        await Store.Sessions.AppendAsync(Step(epoch, two, []) with { Processed = [input[0].Id], At = Start.AddDays(1) }, Ct);
        SameList([input[0] with { ProcessedAt = Start, Run = one.Id }], await Store.Sessions.ReadAsync(_session.Id, 0, 10, Ct));
    }

    [Fact]
    public async Task Guidance_alone_is_taken_up_without_a_run()
    {
        await StartAsync();
        var appended = (await Store.Sessions.AppendInputAsync(_session.Id, [new(new SystemMessage([ContentBlock.OfText("be kind")]))], static _ => null, Start, Ct))!.Value.Value;
        var epoch = await ClaimAsync();
        await Store.Sessions.AppendAsync(Step(epoch, null, []) with { Processed = [appended[0].Id] }, Ct);
        SameList([appended[0] with { ProcessedAt = Start }], await Store.Sessions.ReadAsync(_session.Id, 0, 10, Ct));
        Assert.Null(await Store.Sessions.FindOpenRunAsync(_session.Id, Ct));
    }

    [Fact]
    public async Task A_worker_that_lost_its_claim_writes_nothing()
    {
        var input = await StartAsync("first");
        var stale = await ClaimAsync();
        var epoch = await ClaimAsync();
        var before = await Store.Sessions.FindAsync(_session.Id, Ct);
        var append = Step(stale, NewRun(), [Message("stale")]) with { Processed = [input[0].Id], Status = SessionStatus.Terminated, Usage = [new(Id<UsageRow>.New(), _session.Id, Id<Run>.New(), "model", "m", new(9, 9, 9, 9), Start)] };
        await Assert.ThrowsAsync<FencedOffException>(() => Store.Sessions.AppendAsync(append, Ct));
        await Assert.ThrowsAsync<FencedOffException>(() => Store.Sessions.AppendAsync(append with { Epoch = epoch + 1 }, Ct));
        await Assert.ThrowsAsync<FencedOffException>(() => Other.Sessions.AppendAsync(append, Ct));

        Same(before, await Store.Sessions.FindAsync(_session.Id, Ct));
        SameList(input, await Store.Sessions.ReadAsync(_session.Id, 0, 10, Ct));
        Assert.Null(await Store.Sessions.FindOpenRunAsync(_session.Id, Ct));

        await Store.Sessions.RemoveAsync(_session.Id, static _ => null, Ct);
        await Assert.ThrowsAsync<FencedOffException>(() => Store.Sessions.AppendAsync(append with { Epoch = epoch }, Ct));
    }

    [Fact]
    public async Task A_run_is_open_until_it_ended()
    {
        var input = await StartAsync("a");
        var epoch = await ClaimAsync();
        var run = NewRun();
        await Store.Sessions.AppendAsync(Step(epoch, run, []) with { Processed = [input[0].Id] }, Ct);
        var waiting = run with { Status = RunStatus.Waiting, StopReason = "requires_action", Steps = 3 };
        await Store.Sessions.AppendAsync(Step(epoch, waiting, []), Ct);
        Same(waiting, await Store.Sessions.FindOpenRunAsync(_session.Id, Ct));
        await Store.Sessions.AppendAsync(Step(epoch, waiting with { Status = RunStatus.Ended, EndedAt = Start }, []), Ct);
        Assert.Null(await Store.Sessions.FindOpenRunAsync(_session.Id, Ct));
    }

    [Fact]
    public async Task The_log_is_listed_by_type_and_time_both_ways()
    {
        var input = await StartAsync("a", "b", "c");
        var epoch = await ClaimAsync();
        var log = (await Store.Sessions.AppendAsync(Step(epoch, NewRun(), [new(new SessionStatusRunning()), new(new AgentMessage([ContentBlock.OfText("hi")]))]) with { Processed = [input[2].Id], At = Start.AddSeconds(10) }, Ct)).ToList();
        log.InsertRange(0, await Store.Sessions.ReadAsync(_session.Id, 0, 3, Ct));

        await Holds(new(null, TimeRange.Any, true), static _ => true);
        await Holds(new(null, TimeRange.Any, false), static _ => true);
        await Holds(new(["user.message", "agent.message"], TimeRange.Any, false), e => e.Body is UserMessage or AgentMessage);
        await Holds(new([], new(Start, null, null, null), true), e => e.ProcessedAt > Start);
        await Holds(new(["no.such.type"], TimeRange.Any, true), static _ => false);
        Assert.Empty((await Other.Sessions.ListEventsAsync(_session, new(null, TimeRange.Any, true), First(10), Ct)).Items);

        async Task Holds(EventFilter filter, Func<SessionEvent, bool> inside)
        {
            var expected = log.Where(inside);
            SameList(filter.Ascending ? expected : expected.Reverse(), await Walk(page => Store.Sessions.ListEventsAsync(_session, filter, page, Ct), 2));
        }
    }

    [Fact]
    public async Task An_event_id_is_written_once()
    {
        await StartAsync();
        var message = Message("once");
        await Store.Sessions.AppendInputAsync(_session.Id, [message], static _ => null, Start, Ct);
        await Assert.ThrowsAnyAsync<Exception>(() => Store.Sessions.AppendInputAsync(_session.Id, [Message("fine"), message], static _ => null, Start, Ct));
        Assert.Single(await Store.Sessions.ReadAsync(_session.Id, 0, 10, Ct));
        Assert.Equal(1, (await Store.Sessions.FindAsync(_session.Id, Ct))!.LastSeq);
    }

    [Fact]
    public void Any_interleaving_of_appends_gives_a_log_without_gaps_repeats_or_swaps() =>
        Prop.ForAll(
            Gen.Choose(0, 4).ListOf().ListOf().Where(static writers => writers.Count is > 0 and < 8).ToArbitrary(),
            writers => HoldsAsync(writers).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(40));

    /// <summary>Each writer appends batches of the given sizes one after the other, all writers at once; every third batch also claims, so that runs get fenced off in the middle.</summary>
    private async Task<bool> HoldsAsync(List<List<int>> writers)
    {
        await StartAsync();
        var acknowledged = await Task.WhenAll(writers.Select((batches, writer) => Task.Run(
            async () =>
            {
                List<SessionEvent> mine = [];
                foreach (var (index, size) in batches.Index()) mine.AddRange(await WriteAsync(writer, index, size));
                return mine;
            },
            Ct)));

        var log = await Store.Sessions.ReadAsync(_session.Id, 0, 1000, Ct);
        var gapFree = log.Select(static e => e.Seq).SequenceEqual(Enumerable.Range(1, log.Count).Select(static i => (long)i));
        var exactlyWhatWasAcknowledged = log.Select(static e => e.Id).SequenceEqual(acknowledged.SelectMany(static e => e).OrderBy(static e => e.Seq).Select(static e => e.Id));
        var inOrder = acknowledged.All(static mine => mine.Zip(mine.Skip(1)).All(static pair => pair.First.Seq < pair.Second.Seq));
        var projected = (await Store.Sessions.FindAsync(_session.Id, Ct))!.LastSeq == log.Count;
        return gapFree && exactlyWhatWasAcknowledged && inOrder && projected;
    }

    private async Task<IReadOnlyList<SessionEvent>> WriteAsync(int writer, int index, int size)
    {
        var batch = Enumerable.Range(0, size).Select(i => Message($"{writer}.{index}.{i}")).ToList();
        if (writer % 2 == 0) return (await Store.Sessions.AppendInputAsync(_session.Id, batch, static _ => null, Start, Ct))!.Value.Value;
        try
        {
            return await Store.Sessions.AppendAsync(Step(await ClaimAsync(), NewRun(), batch), Ct);
        }
        catch (FencedOffException)
        {
            return [];
        }
    }

    private async Task<IReadOnlyList<SessionEvent>> StartAsync(params string[] texts)
    {
        _session = NewSession();
        return await Store.Sessions.AddAsync(_session, [.. texts.Select(Message)], Ct);
    }

    private async Task<long> ClaimAsync() => (await Store.Sessions.ClaimAsync(_session.Id, Ct))!.Epoch;

    private Run NewRun() => new(Id<Run>.New(), _session.Id, RunStatus.Running, null, 0, Start, Start, null);

    private RunAppend Step(long epoch, Run? run, IReadOnlyList<NewEvent> events) => new(_session.Id, epoch, run, events, [], run?.Id, [], null, 0, Start);
}
