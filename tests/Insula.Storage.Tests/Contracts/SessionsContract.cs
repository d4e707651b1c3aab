using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.TestKit;

namespace Insula.Storage.Tests.Contracts;

/// <summary>Sessions without their runs: what they are, how they change, how they are listed.</summary>
public abstract class SessionsContract(TenantPlace place) : TenantStoreContract(place)
{
    private static readonly Fault No = Fault.Conflict("no", "No.");

    [Fact]
    public async Task A_session_is_read_as_it_was_written_also_after_reopening()
    {
        var session = NewSession() with
        {
            ActiveSeconds = 1.5,
            Usage = new TokenUsage(1, 2, 3, 4),
            ArchivedAt = Start,
            ForkedFrom = new(Id<Session>.New(), 0),
            Parent = new(Id<Session>.New(), Id<Run>.New(), Id<SessionEvent>.New()),
        };
        Assert.Empty(await Store.Sessions.AddAsync(session, [], Ct));
        Same(session, await Store.Sessions.FindAsync(session.Id, Ct));
        await ReopenStoreAsync();
        Same(session, await Store.Sessions.FindAsync(session.Id, Ct));
        Assert.Null(await Other.Sessions.FindAsync(session.Id, Ct));

        var bare = session with { Id = Id<Session>.New(), Budget = null, Title = null, ArchivedAt = null, ForkedFrom = null, Parent = null };
        await Store.Sessions.AddAsync(bare, [], Ct);
        Same(bare, await Store.Sessions.FindAsync(bare.Id, Ct));
    }

    [Fact]
    public async Task The_sessions_that_work_for_a_run_are_found_by_it()
    {
        var (parent, run) = (Id<Session>.New(), Id<Run>.New());
        var first = NewSession() with { Parent = new(parent, run, Id<SessionEvent>.New()) };
        var second = first with { Id = Id<Session>.New(), CreatedAt = Start.AddSeconds(1) };
        foreach (var session in (Session[])[second, first, first with { Id = Id<Session>.New(), Parent = first.Parent with { RunId = Id<Run>.New() } }, NewSession()])
        {
            await Store.Sessions.AddAsync(session, [], Ct);
        }

        SameList([first, second], await Store.Sessions.ListChildrenAsync(parent, run, Ct));
        Assert.Empty(await Other.Sessions.ListChildrenAsync(parent, run, Ct));
    }

    [Fact]
    public async Task Initial_events_are_the_first_of_the_log_and_wait_for_a_run()
    {
        var session = NewSession();
        var message = Message($"{HardText} \0");
        var events = await Store.Sessions.AddAsync(session, [message, new(new SystemMessage([ContentBlock.OfText("be kind")]))], Ct);
        Assert.Equal([1L, 2L], events.Select(static e => e.Seq));
        Assert.Equal(message.Id, events[0].Id);
        Assert.All(events, static e => Assert.Null(e.ProcessedAt));

        var read = (await Store.Sessions.FindAsync(session.Id, Ct))!;
        Assert.Equal((2, true), (read.LastSeq, read.PendingInput));
        SameList(events, await Store.Sessions.ReadAsync(session.Id, 0, 10, Ct));
    }

    [Fact]
    public async Task A_text_that_not_every_engine_can_hold_is_refused_by_name_and_nothing_is_written()
    {
        var session = NewSession() with { Title = "a\0b" };
        var refused = await Assert.ThrowsAsync<FaultException>(() => Store.Sessions.AddAsync(session, [Message("kept?")], Ct));
        Assert.Equal((FaultKind.Invalid, "title"), (refused.Fault.Kind, refused.Fault.Field));
        Assert.Null(await Store.Sessions.FindAsync(session.Id, Ct));
    }

    [Theory]
    [InlineData("message", true)]
    [InlineData("interrupt", true)]
    [InlineData("confirmation", true)]
    [InlineData("result", true)]
    [InlineData("guidance", false)]
    public async Task Input_that_wakes_a_worker_is_pending(string kind, bool pending)
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);
        InputBody body = kind switch
        {
            "message" => new UserMessage([ContentBlock.OfText("hi")]),
            "interrupt" => new UserInterrupt(),
            "confirmation" => new UserToolConfirmation(Id<SessionEvent>.New(), UserToolConfirmation.Allow),
            "result" => new UserCustomToolResult(Id<SessionEvent>.New()),
            _ => new SystemMessage([ContentBlock.OfText("be kind")]),
        };
        await Store.Sessions.AppendInputAsync(session.Id, [new(body)], static _ => null, Start.AddSeconds(1), Ct);
        var read = (await Store.Sessions.FindAsync(session.Id, Ct))!;
        Assert.Equal((pending, Start.AddSeconds(1)), (read.PendingInput, read.UpdatedAt));
    }

    [Fact]
    public async Task Refused_input_leaves_nothing_and_a_missing_session_takes_none()
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);
        var refused = await Store.Sessions.AppendInputAsync(session.Id, [Message("hi")], seen => seen.LastSeq == 0 ? No : null, Start, Ct);
        Assert.Equal(No, refused?.Fault);
        Assert.Null(await Other.Sessions.AppendInputAsync(session.Id, [Message("hi")], static _ => null, Start, Ct));
        Same(session, await Store.Sessions.FindAsync(session.Id, Ct));
        Assert.Empty(await Store.Sessions.ReadAsync(session.Id, 0, 10, Ct));
    }

    [Fact]
    public async Task A_check_sees_the_session_as_no_other_writer_can_change_it()
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);
        var results = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ =>
            Store.Sessions.AppendInputAsync(session.Id, [Message("hi")], static seen => seen.LastSeq < 5 ? null : No, Start, Ct)));
        Assert.Equal(5, results.Count(static r => r?.Fault is null));
        Assert.Equal(5, (await Store.Sessions.ReadAsync(session.Id, 0, 100, Ct)).Count);
    }

    [Fact]
    public async Task An_update_writes_its_fields_and_its_log_and_no_other_field()
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);
        var at = Start.AddMinutes(1);
        var updated = await Store.Sessions.UpdateAsync(
            session.Id,
            seen => new SessionUpdate(seen with { Title = "new", Budget = null, Metadata = new Dictionary<string, string>(), Status = SessionStatus.Terminated, Epoch = 9 }, [new(new SessionUpdated { Title = new("new") })]),
            at,
            Ct);
        var (after, events) = updated!.Value.Value;
        Same(session with { Title = "new", Budget = null, Metadata = new Dictionary<string, string>(), LastSeq = 1, UpdatedAt = at }, after);
        Same(after, await Store.Sessions.FindAsync(session.Id, Ct));
        Assert.Equal(at, Assert.Single(events).ProcessedAt);
        SameList(events, await Store.Sessions.ReadAsync(session.Id, 0, 10, Ct));

        Assert.Equal(No, (await Store.Sessions.UpdateAsync(session.Id, static _ => No, at, Ct))?.Fault);
        Assert.Null(await Store.Sessions.UpdateAsync(Id<Session>.New(), static seen => new SessionUpdate(seen, []), at, Ct));
        Same(after, (await Store.Sessions.UpdateAsync(session.Id, static seen => new SessionUpdate(seen, []), at.AddDays(1), Ct))!.Value.Value.Session);
    }

    [Fact]
    public async Task A_session_is_archived_once_when_it_is_allowed()
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);
        Assert.Equal(No, (await Store.Sessions.ArchiveAsync(session.Id, static _ => No, Start, Ct))?.Fault);
        Assert.Null((await Store.Sessions.FindAsync(session.Id, Ct))!.ArchivedAt);
        Same(session with { ArchivedAt = Start, UpdatedAt = Start }, (await Store.Sessions.ArchiveAsync(session.Id, static _ => null, Start, Ct))!.Value.Value);
        Same(session with { ArchivedAt = Start, UpdatedAt = Start }, (await Store.Sessions.ArchiveAsync(session.Id, static _ => No, Start.AddDays(1), Ct))!.Value.Value);
        Assert.Null(await Other.Sessions.ArchiveAsync(session.Id, static _ => null, Start, Ct));
    }

    [Fact]
    public async Task A_session_is_removed_with_its_log_when_it_is_allowed()
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [Message("hi")], Ct);
        Assert.Equal(No, (await Store.Sessions.RemoveAsync(session.Id, static _ => No, Ct))?.Fault);
        Assert.Null(await Other.Sessions.RemoveAsync(session.Id, static _ => null, Ct));
        Assert.Null((await Store.Sessions.RemoveAsync(session.Id, static _ => null, Ct))!.Value.Fault);
        Assert.Null(await Store.Sessions.RemoveAsync(session.Id, static _ => null, Ct));
        Assert.Null(await Store.Sessions.FindAsync(session.Id, Ct));
        Assert.Empty(await Store.Sessions.ReadAsync(session.Id, 0, 10, Ct));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sessions_are_paged_both_ways(bool ascending)
    {
        var sessions = Enumerable.Range(0, 11).Select(i => NewSession() with { CreatedAt = Start.AddTicks(i / 3) }).ToList();
        foreach (var session in sessions) await Store.Sessions.AddAsync(session, [], Ct);
        var sorted = sessions.OrderBy(s => s.CreatedAt).ThenBy(s => s.Id.ToString(), StringComparer.Ordinal).Select(static s => s.Id).ToList();
        if (!ascending) sorted.Reverse();
        var filter = new SessionFilter { Ascending = ascending };

        var pages = new List<BidirectionalPage<Session>>();
        string? after = null;
        do
        {
            pages.Add(await Store.Sessions.ListAsync(filter, new(3, after), Ct));
            after = pages[^1].Next;
        }
        while (after is not null);
        Assert.Equal(sorted, pages.SelectMany(static p => p.Items).Select(static s => s.Id));
        Assert.Null(pages[0].Previous);

        for (var i = pages.Count - 1; i > 0; i--)
        {
            var back = await Store.Sessions.ListAsync(filter, new(3, pages[i].Previous), Ct);
            SameList(pages[i - 1].Items, back.Items);
            Assert.Equal((pages[i - 1].Next, pages[i - 1].Previous), (back.Next, back.Previous));
        }
    }

    [Fact]
    public async Task Sessions_are_listed_by_filter()
    {
        var sessions = Enumerable.Range(0, 8).Select(i => NewSession() with
        {
            CreatedAt = Start.AddTicks(i),
            Status = i % 2 == 0 ? SessionStatus.Idle : SessionStatus.Rescheduling,
            AgentVersion = 1 + i / 4,
            ArchivedAt = i == 7 ? Start : null,
        }).Reverse().ToList();
        foreach (var session in sessions) await Store.Sessions.AddAsync(session, [], Ct);

        await Holds(new(), s => s.ArchivedAt is null);
        await Holds(new() { IncludeArchived = true }, static _ => true);
        await Holds(new() { Statuses = [SessionStatus.Rescheduling] }, s => s.Status == SessionStatus.Rescheduling && s.ArchivedAt is null);
        await Holds(new() { Statuses = [SessionStatus.Rescheduling, SessionStatus.Idle], AgentVersion = 2 }, s => s.AgentVersion == 2 && s.ArchivedAt is null);
        await Holds(new() { AgentId = sessions[5].AgentId }, s => s.AgentId == sessions[5].AgentId);
        await Holds(new() { Created = new(null, Start.AddTicks(2), Start.AddTicks(5), null) }, s => s.CreatedAt >= Start.AddTicks(2) && s.CreatedAt < Start.AddTicks(5));

        async Task Holds(SessionFilter filter, Func<Session, bool> inside) =>
            Assert.Equal(
                sessions.Where(inside).Select(static s => s.Id),
                (await Walk(async page => (await Store.Sessions.ListAsync(filter, page, Ct)) is var got ? new Page<Session>(got.Items, got.Next) : null!, 2)).Select(static s => s.Id));
    }

    [Fact]
    public async Task A_claim_raises_the_epoch()
    {
        var session = NewSession();
        await Store.Sessions.AddAsync(session, [], Ct);
        Assert.Equal(1, (await Store.Sessions.ClaimAsync(session.Id, Ct))!.Epoch);
        Same(session with { Epoch = 2 }, await Store.Sessions.ClaimAsync(session.Id, Ct));
        Assert.Null(await Other.Sessions.ClaimAsync(session.Id, Ct));
        Assert.Null(await Store.Sessions.FindOpenRunAsync(session.Id, Ct));
    }
}
