using FsCheck;
using FsCheck.Fluent;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.TestKit;

namespace Insula.Storage.Tests.Contracts;

/// <summary>Logs that go on from another session's: one log to whoever reads it, and nothing of what the origin does later.</summary>
public abstract class ForksContract(TenantPlace place) : TenantStoreContract(place)
{
    private static readonly DateTimeOffset ForkedAt = Start.AddHours(1);

    [Fact]
    public void Any_fork_of_any_log_reads_as_its_origin_did_there_and_folds_to_nothing_open() =>
        Prop.ForAll(
            Gen.Choose(0, 8).ListOf().Where(static steps => steps.Count is > 1 and < 30).ToArbitrary(),
            Gen.Choose(0, 1000).ToArbitrary(),
            Gen.Choose(0, 1000).ToArbitrary(),
            (steps, first, second) => HoldsAsync(steps, first, second).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(15));

    [Fact]
    public async Task What_the_origin_takes_up_after_the_fork_point_stays_settled_in_the_fork()
    {
        var log = new RandomLog(Store, await AddAsync(), Start);
        await log.DoAsync([RandomLog.Say, RandomLog.Begin, RandomLog.Say, RandomLog.Ask]);
        var fork = await ForkAsync(log.Session, 4);
        var before = await Store.Sessions.ReadAsync(fork.Id, 0, 10, Ct);
        Assert.Equal(ForkedAt, before[2].ProcessedAt);
        Assert.Null(before[2].Run);
        Assert.NotNull(before[0].Run);

        // The run that was open takes the second message up behind the fork point, having written before it.
        await log.DoAsync([RandomLog.Answer, RandomLog.Take, RandomLog.End]);
        Assert.NotNull((await Store.Sessions.ReadAsync(log.Session, 2, 1, Ct))[0].Run);
        SameList(before, await Store.Sessions.ReadAsync(fork.Id, 0, 10, Ct));
        var late = new EventFilter(null, new(Start.AddMinutes(30), null, null, null), Ascending: true);
        Assert.Equal([3L, 5L], (await Store.Sessions.ListEventsAsync(fork, late, First(10), Ct)).Items.Select(static e => e.Seq));
        Assert.Null(await Store.Sessions.FindOpenRunAsync(fork.Id, Ct));
    }

    [Fact]
    public async Task A_fork_has_the_origins_settings_and_a_status_and_usage_of_its_own()
    {
        var log = new RandomLog(Store, await AddAsync(), Start);
        await log.DoAsync([RandomLog.Say, RandomLog.Begin, RandomLog.Ask]);
        var origin = (await Store.Sessions.FindAsync(log.Session, Ct))!;
        Assert.Equal(SessionStatus.Running, origin.Status);

        var fork = await ForkAsync(log.Session, 2, Message("again"));
        var expected = origin with
        {
            Id = fork.Id,
            ForkedFrom = new ForkPoint(origin.Id, 2),
            Status = SessionStatus.Idle,
            LastSeq = 4,
            Epoch = 0,
            PendingInput = true,
            Usage = default,
            ActiveSeconds = 0,
            CreatedAt = ForkedAt,
            UpdatedAt = ForkedAt,
        };
        Same(expected, fork);
        Same(expected, await Store.Sessions.FindAsync(fork.Id, Ct));
        Same(origin, await Store.Sessions.FindAsync(origin.Id, Ct));
    }

    [Fact]
    public async Task A_session_with_forks_is_archived_but_not_removed()
    {
        var log = new RandomLog(Store, await AddAsync(), Start);
        await log.DoAsync([RandomLog.Say]);
        var forks = new[] { await ForkAsync(log.Session, 1), await ForkAsync(log.Session, 0) };
        var refused = await Store.Sessions.RemoveAsync(log.Session, static _ => null, Ct);
        Assert.Equal("session_has_forks", refused!.Value.Fault!.Code);
        Assert.Contains("2 forks", refused.Value.Fault.Message, StringComparison.Ordinal);
        Assert.Null((await Store.Sessions.ArchiveAsync(log.Session, static _ => null, Start, Ct))!.Value.Fault);
        Assert.Equal([1L, 2L], (await Store.Sessions.ReadAsync(forks[0].Id, 0, 10, Ct)).Select(static e => e.Seq));

        foreach (var fork in forks) Assert.Null((await Store.Sessions.RemoveAsync(fork.Id, static _ => null, Ct))!.Value.Fault);
        Assert.Null((await Store.Sessions.RemoveAsync(log.Session, static _ => null, Ct))!.Value.Fault);
    }

    [Fact]
    public async Task A_fork_that_is_refused_leaves_nothing_and_a_stranger_can_neither_make_nor_read_one()
    {
        var log = new RandomLog(Store, await AddAsync(), Start);
        await log.DoAsync([RandomLog.Say]);
        var no = Fault.Conflict("no", "No.");
        Assert.Equal(no, (await Store.Sessions.ForkAsync(log.Session, _ => no, Ct))!.Value.Fault);
        Assert.Null(await Other.Sessions.ForkAsync(log.Session, _ => no, Ct));
        Assert.Null(await Store.Sessions.ForkAsync(Id<Session>.New(), _ => no, Ct));
        Assert.Single((await Store.Sessions.ListAsync(new(), First(10), Ct)).Items);

        var fork = await ForkAsync(log.Session, 1);
        Assert.Empty(await Other.Sessions.ReadAsync(fork.Id, 0, 10, Ct));
        Assert.Empty((await Other.Sessions.ListEventsAsync(fork, new(null, TimeRange.Any, true), First(10), Ct)).Items);
    }

    private async Task<bool> HoldsAsync(List<int> steps, int first, int second)
    {
        var log = new RandomLog(Store, await AddAsync(), Start);
        await log.DoAsync(steps);
        var origin = await Store.Sessions.ReadAsync(log.Session, 0, 1000, Ct);

        // Forks of the origin and of the fork: at points of their own events, and before them.
        var fork = await ForkAsync(log.Session, first % (origin.Count + 1), Message("anew"));
        var expected = Expected(origin, fork, settledBefore: 0, await OwnAsync(fork, 2));
        await log.DoAsync([RandomLog.Say, RandomLog.Begin, RandomLog.Take, RandomLog.Ask, RandomLog.End]);
        await ReadsAsAsync(expected, fork);
        var own = new RandomLog(Store, fork.Id, Start.AddHours(2));
        await own.DoAsync(steps);
        var whole = await Store.Sessions.ReadAsync(fork.Id, 0, 1000, Ct);
        Assert.Equal(Enumerable.Range(1, whole.Count).Select(static i => (long)i), whole.Select(static e => e.Seq));

        var again = await ForkAsync(fork.Id, second % (whole.Count + 1), ForkedAt.AddHours(5));
        expected = Expected(whole, again, settledBefore: again.ForkedFrom!.At > fork.ForkedFrom!.At ? fork.ForkedFrom.At : 0, await OwnAsync(again, 1));
        await ReadsAsAsync(expected, again);
        var state = new SessionState();
        foreach (var e in expected) state.Fold(e);
        Assert.Equal((false, false, 0, null), (state.RunOpen, state.Waiting, state.OpenCalls.Count(), state.OpenRequest));
        Assert.IsType<NextStep.Nothing>(NextStep.Decide(state, RunLimits.Of(new RunOptions(), asked: null), ForkedAt, new HashSet<Id<SessionEvent>>()));
        AnswersEveryCall(Conversation.Of(expected).For(system: null).Messages);
        return true;
    }

    /// <summary>The origin's log up to the fork point, as it must be read for ever, and the fork's own.</summary>
    /// <param name="settledBefore">Up to there the origin's log is another session's, and what no run had taken up is settled already.</param>
    private static List<SessionEvent> Expected(IReadOnlyList<SessionEvent> origin, Session fork, long settledBefore, IReadOnlyList<SessionEvent> own)
    {
        var prefix = origin.Take((int)fork.ForkedFrom!.At).ToList();
        return [.. prefix.Select(e => e.Seq <= settledBefore || e.Body is not InputBody || prefix.Exists(o => o.CreatedAt == e.ProcessedAt && o.Run == e.Run && o.Body is not InputBody)
            ? e
            : e with { ProcessedAt = fork.CreatedAt, Run = null }), .. own];
    }

    private async Task ReadsAsAsync(List<SessionEvent> expected, Session fork)
    {
        SameList(expected, await Store.Sessions.ReadAsync(fork.Id, 0, 1000, Ct));
        var middle = expected.Count / 2;
        SameList(expected.Skip(middle).Take(3), await Store.Sessions.ReadAsync(fork.Id, middle, 3, Ct));
        foreach (var ascending in (bool[])[true, false])
        {
            foreach (var filter in (EventFilter[])[
                new(null, TimeRange.Any, ascending),
                new(["user.message", "agent.tool_result"], TimeRange.Any, ascending),
                new(null, TimeRange.Any, ascending) { Run = expected[middle].Run ?? Id<Run>.New() }])
            {
                var inside = expected.Where(e => (filter.Types is null || e.Body is UserMessage or AgentToolResult) && (filter.Run is null || e.Run == filter.Run));
                SameList(ascending ? inside : inside.Reverse(), await Walk(page => Store.Sessions.ListEventsAsync(fork, filter, page, Ct), 3));
            }
        }
    }

    private static void AnswersEveryCall(IReadOnlyList<ModelMessage> messages)
    {
        var contents = messages.SelectMany(static m => m.Content).ToList();
        Assert.Equal(
            contents.OfType<ToolCallContent>().Select(static c => c.Id).Order(StringComparer.Ordinal),
            contents.OfType<ToolResultContent>().Select(static r => r.CallId).Order(StringComparer.Ordinal));
    }

    private async Task<IReadOnlyList<SessionEvent>> OwnAsync(Session fork, int count)
    {
        var own = await Store.Sessions.ReadAsync(fork.Id, fork.ForkedFrom!.At, count, Ct);
        Assert.Equal(count, own.Count);
        Assert.IsType<SessionForked>(own[0].Body);
        return own;
    }

    private async Task<Id<Session>> AddAsync()
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);
        return session.Id;
    }

    private Task<Session> ForkAsync(Id<Session> origin, long at, params NewEvent[] input) => ForkAsync(origin, at, ForkedAt, input);

    private async Task<Session> ForkAsync(Id<Session> origin, long at, DateTimeOffset now, params NewEvent[] input)
    {
        var made = await Store.Sessions.ForkAsync(
            origin,
            session => new SessionUpdate(
                session with
                {
                    Id = Id<Session>.New(),
                    ForkedFrom = new ForkPoint(session.Id, at),
                    Status = SessionStatus.Idle,
                    LastSeq = at,
                    Epoch = 0,
                    PendingInput = input.Length > 0,
                    Usage = default,
                    ActiveSeconds = 0,
                    CreatedAt = now,
                    UpdatedAt = now,
                    ArchivedAt = null,
                },
                [new(new SessionForked(session.Id, at)), .. input]),
            Ct);
        return made!.Value.Value.Session;
    }
}
