using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.TestKit;
using Insula.TestKit.Runs;

namespace Insula.Tests.Runs;

/// <summary>Several nodes on one store: who works on a session, who takes over, and what the others see of it.</summary>
public sealed class NodesTests : IAsyncLifetime
{
    private static readonly TimeSpan Lease = new RunOptions().LeaseLength;
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private TestCluster _cluster = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _cluster = await TestCluster.StartAsync(Ct);

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact(Timeout = 60_000)]
    public async Task Input_on_another_node_is_taken_up_by_the_node_that_works_on_the_session()
    {
        var (a, b) = (await AddNodeAsync(), await AddNodeAsync());
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "one", Ct);
        var first = await a.Model.NextCallAsync(Ct);
        await b.SayAsync(session, "two", Ct);
        first.Says("1").Ends();
        var second = await a.Model.NextCallAsync(Ct);
        Assert.Equal(["one", "1", "two"], second.Request.Messages.Select(m => ((TextContent)m.Content[0]).Text));
        second.Says("2").Ends();
        await a.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.False(b.Model.WasCalled);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_that_joins_leaves_what_is_under_way_where_it_is()
    {
        var a = await AddNodeAsync();
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "hello", Ct);
        var call = await a.Model.NextCallAsync(Ct);
        var b = await AddNodeAsync();
        await PassAsync(b, TimeSpan.FromSeconds(10));

        call.Says("hi").Ends();
        var log = await a.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Single(log, e => e.Body is SpanModelRequestStart);
        Assert.False(b.Model.WasCalled);
    }

    [Fact(Timeout = 60_000)]
    public async Task What_a_node_that_hangs_has_under_way_goes_on_elsewhere_and_it_writes_nothing_more()
    {
        var (a, b) = (await AddNodeAsync(), await AddNodeAsync());
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "hello", Ct);
        var stuck = await a.Model.NextCallAsync(Ct);

        // The first node's clock stands still: it neither renews nor notices.
        _cluster.StoreClock.Advance(Lease);
        (await WhilePassingAsync(b, b.Model.NextCallAsync(Ct))).Says("from the other").Ends();
        var log = await b.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal([true, false], log.Select(e => e.Body).OfType<SpanModelRequestEnd>().Select(end => end.IsError));

        stuck.Says("too late").Ends();
        await b.SayAsync(session, "and now?", Ct);
        (await NextCallAsync(a, b)).Says("well").Ends();
        log = await b.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
        Assert.Equal(["from the other", "well"], log.Select(e => e.Body).OfType<AgentMessage>().Select(m => m.Content[0].Text));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_that_renews_keeps_its_session_as_long_as_it_works()
    {
        var a = await AddNodeAsync();
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "hello", Ct);
        var call = await a.Model.NextCallAsync(Ct);
        for (var i = 0; i < 10; i++)
        {
            a.Clock.Advance(Renewal);

            // Renewed: the lease is lost only so much later.
            await a.Clock.TimerArmedAsync(Lease * 0.89, Lease * 0.91, Ct);
            _cluster.StoreClock.Advance(Renewal);
        }

        Assert.Null(await _cluster.Queue.TryLeaseAsync(new(a.Scope.Tenant, session), Id<Node>.New(), Lease, Ct));
        Assert.False(call.Left.Task.IsCompleted);
        call.Says("hi").Ends();
        await a.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_that_finds_its_lease_gone_stops_at_once()
    {
        var a = await AddNodeAsync();
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "hello", Ct);
        var call = await a.Model.NextCallAsync(Ct);
        _cluster.StoreClock.Advance(Lease);
        Assert.NotNull(await _cluster.Queue.TryLeaseAsync(new(a.Scope.Tenant, session), Id<Node>.New(), Lease, Ct));
        a.Clock.Advance(Renewal);
        await call.Left.Task.WaitAsync(Soon, Ct);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_that_cannot_renew_stops_before_anybody_else_may_begin_and_goes_on_when_it_can()
    {
        var line = new AwayQueue(_cluster.Queue);
        var a = await _cluster.AddNodeAsync(Ct, line);
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "hello", Ct);
        var call = await a.Model.NextCallAsync(Ct);
        line.Away = true;
        a.Clock.Advance(Lease * 0.8);
        Assert.False(call.Left.Task.IsCompleted);
        a.Clock.Advance(Lease * 0.15);
        await call.Left.Task.WaitAsync(Soon, Ct);
        Assert.Null(await _cluster.Queue.TryLeaseAsync(new(a.Scope.Tenant, session), Id<Node>.New(), Lease, Ct));

        // The store is away for a minute: no calls without pauses, and no end of trying.
        await PassAsync(a, TimeSpan.FromMinutes(1));
        Assert.InRange(line.Refused, 5, 120);
        line.Away = false;
        _cluster.StoreClock.Advance(TimeSpan.FromMinutes(1));
        (await WhilePassingAsync(a, a.Model.NextCallAsync(Ct))).Says("back").Ends();
        await a.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_node_that_starts_while_the_store_is_away_takes_up_the_queue_when_it_is_back()
    {
        var first = await AddNodeAsync();
        var session = await first.AddSessionAsync(Ct);
        await _cluster.Queue.WakeAsync(first.Scope.Tenant, session, default, Ct);
        await using (var store = await first.Stores.OpenAsync(first.Scope, Ct))
            await store.Sessions.AppendInputAsync(session, [new NewEvent(new UserMessage([ContentBlock.OfText("hello")]))], static _ => null, first.Clock.GetUtcNow(), Ct);

        var line = new AwayQueue(_cluster.Queue) { Away = true };
        var a = await _cluster.AddNodeAsync(Ct, line);
        await PassAsync(a, TimeSpan.FromSeconds(20));
        Assert.False(a.Model.WasCalled);
        line.Away = false;
        (await WhilePassingAsync(a, a.Model.NextCallAsync(Ct))).Ends();
        await a.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_interrupt_on_another_node_stops_the_model_here(bool lost)
    {
        var (a, b) = (await AddNodeAsync(), await AddNodeAsync());
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "write a novel", Ct);
        var call = await a.Model.NextCallAsync(Ct);
        _cluster.Wire.Cut = lost;
        await b.SendAsync(session, new UserInterrupt(), Ct);

        // Without the wake, the renewal of the lease says that there is input.
        if (lost) a.Clock.Advance(Renewal);
        await call.Left.Task.WaitAsync(Soon, Ct);
        var log = await a.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.DoesNotContain(log, e => e.Body is AgentMessage);
        Assert.All(log, e => Assert.NotNull(e.ProcessedAt));
    }

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_queued_run_is_cancelled_on_a_node_while_another_one_works_on_its_session(bool lost)
    {
        var (a, b) = (await AddNodeAsync(), await AddNodeAsync());
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "one", Ct);
        var call = await a.Model.NextCallAsync(Ct);
        var second = await b.SayAsync(session, "two", Ct);
        _cluster.Wire.Cut = lost;
        await b.SendAsync(session, new UserInterrupt(Run.IdOf(second)), Ct);

        Assert.Equal(Run.Cancelled, (await b.RunsAsync(session, Ct)).Single(run => run.Id == Run.IdOf(second)).StopReason);
        call.Says("1").Ends();
        var log = await a.UntilAsync<SessionStatusIdle>(session, Ct);
        Assert.Equal("1", Assert.Single(log.Select(static e => e.Body).OfType<AgentMessage>()).Content[0].Text);
        await a.SayAsync(session, "three", Ct);
        var next = await WhilePassingAsync(a, NextCallAsync(a, b));
        Assert.Equal(["one", "1", "three"], next.Request.Messages.Select(static m => ((TextContent)m.Content[0]).Text));
        next.Ends();
        await a.UntilAsync<SessionStatusIdle>(session, Ct, times: 2);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_happens_on_one_node_streams_on_the_other_in_order_and_once(bool lost)
    {
        var (a, b) = (await AddNodeAsync(), await AddNodeAsync());
        _cluster.Wire.Cut = lost;
        var session = await a.AddSessionAsync(Ct);
        var seen = new List<long>();
        using var done = new CancellationTokenSource();
        var watching = Task.Run(
            async () =>
            {
                await foreach (var item in b.Feed.WatchAsync(b.Scope, session, afterSeq: 0, Ct))
                {
                    seen.Add(((LoggedEvent)item).Event.Seq);
                    if (item is LoggedEvent { Event.Body: SessionStatusIdle } && seen.Count > 100) break;
                }
            },
            Ct);
        for (var i = 0; i < 20; i++)
        {
            await a.SayAsync(session, "hello", Ct);
            (await a.Model.NextCallAsync(Ct)).Says("hi").Ends();
            await a.UntilAsync<SessionStatusIdle>(session, Ct, times: i + 1);
        }

        if (lost) await WhilePassingAsync(b, watching);
        await watching.WaitAsync(Soon, Ct);
        Assert.Equal(Enumerable.Range(1, seen.Count).Select(static n => (long)n), seen);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_ends_when_its_session_is_deleted_on_another_node(bool lost)
    {
        var (a, b) = (await AddNodeAsync(), await AddNodeAsync());
        var session = await a.AddSessionAsync(Ct);
        var watching = b.Feed.WatchAsync(b.Scope, session, afterSeq: 0, Ct).ToListAsync(Ct).AsTask();
        _cluster.Wire.Cut = lost;
        await using (var store = await a.Stores.OpenAsync(a.Scope, Ct)) await store.Sessions.RemoveAsync(session, static _ => null, Ct);
        a.Feed.Close(a.Scope, session);

        if (lost) await WhilePassingAsync(b, watching);
        Assert.IsType<SessionGone>(Assert.Single(await watching.WaitAsync(Soon, Ct)));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_tenant_that_was_suspended_elsewhere_is_stopped_here_even_when_nobody_says_so()
    {
        var a = await AddNodeAsync();
        var session = await a.AddSessionAsync(Ct);
        await a.SayAsync(session, "hello", Ct);
        var call = await a.Model.NextCallAsync(Ct);
        a.Allowed = 0;
        await WhilePassingAsync(a, call.Left.Task);
        a.Allowed = 1;
        (await WhilePassingAsync(a, a.Model.NextCallAsync(Ct))).Says("back").Ends();
        await a.UntilAsync<SessionStatusIdle>(session, Ct);
    }

    private Task<RunHarness> AddNodeAsync() => _cluster.AddNodeAsync(Ct);

    /// <summary>Lets so much time go by on the node, slowly enough that it can do what falls due.</summary>
    private static async Task PassAsync(RunHarness node, TimeSpan time)
    {
        var step = TimeSpan.FromMilliseconds(400);
        for (var passed = TimeSpan.Zero; passed < time; passed += step)
        {
            node.Clock.Advance(step);
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Ct);
        }
    }

    private static async Task WhilePassingAsync(RunHarness node, Task awaited)
    {
        while (!awaited.IsCompleted) await PassAsync(node, TimeSpan.FromMilliseconds(400));
        await awaited;
    }

    private static async Task<T> WhilePassingAsync<T>(RunHarness node, Task<T> awaited)
    {
        await WhilePassingAsync(node, (Task)awaited);
        return await awaited;
    }

    private static async Task<PuppetCall> NextCallAsync(params RunHarness[] nodes)
    {
        using var found = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var calls = nodes.Select(node => node.Model.NextCallAsync(found.Token)).ToList();
        var first = await Task.WhenAny(calls);
        await found.CancelAsync();
        return await first;
    }
}
