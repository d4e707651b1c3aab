using System.Collections.Concurrent;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Plans;
using Insula.Tenancy.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Insula.Storage.Tests.Contracts;

/// <summary>What every queue of runs promises. A subclass says how to open one, and how its clock goes on.</summary>
public abstract class RunQueueContract : IAsyncLifetime
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(40);

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected static Id<Node> A { get; } = Id<Node>.New();

    protected static Id<Node> B { get; } = Id<Node>.New();

    protected IServiceProvider Stores { get; set; } = null!;

    protected IRunQueue Queue => Stores.GetRequiredService<IRunQueue>();

    /// <summary>The time by which holders count.</summary>
    protected abstract TimeProvider Time { get; }

    public async ValueTask InitializeAsync() => Stores = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<IServiceProvider> OpenAsync();

    /// <summary>Closes the stores and opens them on the same data.</summary>
    protected abstract Task<IServiceProvider> ReopenAsync();

    protected abstract ValueTask CloseAsync();

    /// <summary>Lets so much time go by on the store's clock.</summary>
    protected abstract Task PassAsync(TimeSpan time);

    /// <summary>The queue as another node sees it, whose own clock may be wrong.</summary>
    protected abstract IRunQueue QueueOf(int node);

    [Fact]
    public async Task An_entry_is_settled_only_under_its_newest_mark()
    {
        var entry = NewEntry();
        Assert.Null(await Queue.TryLeaseAsync(entry, A, Hour, Ct));
        await WakeAsync(entry);
        var first = await LeaseAsync(entry);
        await WakeAsync(entry);

        var second = await Queue.SettleAsync(entry, A, first, default, Ct);
        Assert.True(second > first);
        Assert.Null(await Queue.SettleAsync(entry, A, second.Value, default, Ct));
        Assert.Empty(await AllAsync());
        Assert.Null(await Queue.SettleAsync(entry, A, second.Value, default, Ct));
    }

    [Fact]
    public async Task A_mark_of_an_entry_that_is_gone_does_not_settle_its_successor()
    {
        var entry = NewEntry();
        await WakeAsync(entry);
        var old = await LeaseAsync(entry);
        Assert.Null(await Queue.SettleAsync(entry, A, old, default, Ct));
        await WakeAsync(entry);
        Assert.NotEqual(old, await LeaseAsync(entry));
        Assert.NotNull(await Queue.SettleAsync(entry, A, old, default, Ct));
        Assert.Equal([entry], await AllAsync());
    }

    [Fact]
    public async Task The_queue_is_read_oldest_first_and_waking_again_keeps_the_place()
    {
        var entries = Enumerable.Range(0, 520).Select(_ => NewEntry()).ToList();
        foreach (var entry in entries) await WakeAsync(entry);
        await WakeAsync(entries[0]);
        Assert.Equal(entries, await AllAsync());
        Assert.Equal(entries, await FreeAsync(FreeEntries.Untouched, limit: 100));

        Stores = await ReopenAsync();
        Assert.Equal(entries, await AllAsync());
    }

    [Fact]
    public async Task What_one_node_holds_no_other_can_take_settle_or_give_back()
    {
        var entry = NewEntry();
        await WakeAsync(entry);
        var mark = await LeaseAsync(entry);

        Assert.Null(await Queue.TryLeaseAsync(entry, B, Hour, Ct));
        Assert.Null(await Queue.SettleAsync(entry, B, mark, default, Ct));
        await Queue.ReleaseAsync(entry, B, default, Ct);
        Assert.Empty(await Queue.RenewAsync(B, [entry], Hour, Ct));
        Assert.Null(await Queue.TryLeaseAsync(entry, B, Hour, Ct));

        Assert.Equal([entry], await AllAsync());
        Assert.Equal(mark, await LeaseAsync(entry));
    }

    [Fact]
    public async Task A_held_entry_is_free_for_nobody_until_it_is_given_back_or_its_time_is_over()
    {
        var (given, ended) = (NewEntry(), NewEntry());
        await WakeAsync(given);
        await WakeAsync(ended);
        Assert.Equal([given, ended], await FreeAsync(FreeEntries.Untouched));
        await LeaseAsync(given);
        await LeaseAsync(ended, Short);
        Assert.Empty(await FreeAsync(FreeEntries.Untouched));
        Assert.DoesNotContain(given, await FreeAsync(FreeEntries.Dropped));

        await Queue.ReleaseAsync(given, A, default, Ct);
        await PassAsync(Short * 2);
        Assert.Empty(await FreeAsync(FreeEntries.Untouched));
        Assert.Equal([given, ended], await FreeAsync(FreeEntries.Dropped, limit: 1));

        Assert.NotNull(await Queue.TryLeaseAsync(given, B, Hour, Ct));
        Assert.NotNull(await Queue.TryLeaseAsync(ended, B, Hour, Ct));
        Assert.Empty(await FreeAsync(FreeEntries.Dropped));
    }

    [Fact]
    public async Task A_lease_that_was_renewed_in_time_goes_on_and_one_that_ended_is_lost_for_good()
    {
        var (renewed, late) = (NewEntry(), NewEntry());
        await WakeAsync(renewed);
        await WakeAsync(late);
        await LeaseAsync(late, Short);
        await LeaseAsync(renewed, TimeSpan.FromSeconds(20));
        await PassAsync(Short * 2);

        Assert.Equal([renewed], (await Queue.RenewAsync(A, [renewed, late], Hour, Ct)).Keys);
        Assert.Null(await Queue.TryLeaseAsync(renewed, B, Hour, Ct));
        Assert.NotNull(await Queue.TryLeaseAsync(late, B, Hour, Ct));
    }

    [Fact]
    public async Task Many_leases_are_renewed_at_once_and_their_marks_told()
    {
        var entries = Enumerable.Range(0, 300).Select(_ => NewEntry()).ToList();
        foreach (var entry in entries) await WakeAsync(entry);
        var marks = new Dictionary<QueuedSession, long>();
        foreach (var entry in entries) marks[entry] = await LeaseAsync(entry);
        await WakeAsync(entries[7]);
        Assert.Null(await Queue.SettleAsync(entries[8], A, marks[entries[8]], default, Ct));

        var held = entries.Where(static (_, i) => i != 9).ToList();
        var kept = await Queue.RenewAsync(A, held, Hour, Ct);
        Assert.Equal(298, kept.Count);
        Assert.DoesNotContain(entries[8], kept.Keys);
        Assert.DoesNotContain(entries[9], kept.Keys);
        Assert.Equal([entries[7]], kept.Where(pair => pair.Value != marks[pair.Key]).Select(static pair => pair.Key));
    }

    [Fact]
    public async Task Waking_an_entry_leaves_it_with_its_holder()
    {
        var entry = NewEntry();
        await WakeAsync(entry);
        await LeaseAsync(entry);
        await WakeAsync(entry);
        Assert.Null(await Queue.TryLeaseAsync(entry, B, Hour, Ct));
        Assert.Empty(await FreeAsync(FreeEntries.Untouched));
    }

    [Fact]
    public async Task Holders_that_died_in_a_row_are_counted_until_somebody_gets_on()
    {
        var entry = NewEntry();
        await WakeAsync(entry);
        for (var died = 0; died < 3; died++)
        {
            Assert.Equal(died, (await Queue.TryLeaseAsync(entry, Id<Node>.New(), Short, Ct))!.Abandoned);
            await PassAsync(Short * 2);
        }

        Assert.Equal(3, (await Queue.TryLeaseAsync(entry, A, Hour, Ct))!.Abandoned);
        await Queue.ReleaseAsync(entry, A, default, Ct);
        Assert.Equal(3, (await Queue.TryLeaseAsync(entry, B, Hour, Ct))!.Abandoned);
        await Queue.ProgressedAsync(entry, A, Ct);
        await Queue.ReleaseAsync(entry, B, default, Ct);
        Assert.Equal(3, (await Queue.TryLeaseAsync(entry, A, Hour, Ct))!.Abandoned);
        await Queue.ProgressedAsync(entry, A, Ct);
        await Queue.ReleaseAsync(entry, A, default, Ct);
        Assert.Equal(0, (await Queue.TryLeaseAsync(entry, A, Hour, Ct))!.Abandoned);
    }

    [Fact]
    public async Task A_holder_that_could_not_renew_and_takes_the_entry_again_did_not_die_of_it()
    {
        var entry = NewEntry();
        await WakeAsync(entry);
        for (var outage = 0; outage < 3; outage++)
        {
            Assert.Equal(0, (await Queue.TryLeaseAsync(entry, A, Short, Ct))!.Abandoned);
            await PassAsync(Short * 2);
        }

        Assert.Equal(1, (await Queue.TryLeaseAsync(entry, B, Short, Ct))!.Abandoned);
    }

    [Fact]
    public async Task An_entry_that_is_to_wait_is_nobodys_until_its_time_comes_or_somebody_wakes_it()
    {
        var (timed, woken) = (NewEntry(), NewEntry());
        foreach (var entry in new[] { timed, woken })
        {
            await WakeAsync(entry);
            Assert.Null(await Queue.SettleAsync(entry, A, await LeaseAsync(entry), new LeaseEnd(Again: entry == timed ? Short * 3 : Hour), Ct));
            Assert.Null(await Queue.TryLeaseAsync(entry, B, Hour, Ct));
        }

        Assert.Empty(await FreeAsync(FreeEntries.Untouched));
        Assert.Equal([timed, woken], await AllAsync());
        Assert.InRange((await Queue.FindAsync(woken, Ct))!.Delay, Hour - TimeSpan.FromMinutes(5), Hour);

        await WakeAsync(woken);
        Assert.Contains(woken, await FreeAsync(FreeEntries.Untouched));
        Assert.NotNull(await Queue.TryLeaseAsync(woken, B, Hour, Ct));
        await PassAsync(Short * 4);
        Assert.Equal([timed], await FreeAsync(FreeEntries.Untouched));
        Assert.NotNull(await Queue.TryLeaseAsync(timed, B, Hour, Ct));
    }

    [Fact]
    public async Task An_entry_that_was_marked_anew_is_not_put_off()
    {
        var entry = NewEntry();
        await WakeAsync(entry);
        var mark = await LeaseAsync(entry);
        await WakeAsync(entry);
        Assert.True(await Queue.SettleAsync(entry, A, mark, new LeaseEnd(Again: Hour), Ct) > mark);
        Assert.True((await Queue.FindAsync(entry, Ct))!.Held);
    }

    [Fact]
    public async Task An_entry_that_is_given_back_with_a_pause_is_nobodys_until_the_pause_is_over()
    {
        var entry = NewEntry();
        await WakeAsync(entry);
        await LeaseAsync(entry);
        await Queue.ReleaseAsync(entry, A, new LeaseEnd(Again: Short * 3), Ct);
        Assert.Null(await Queue.TryLeaseAsync(entry, B, Hour, Ct));
        await PassAsync(Short * 4);
        Assert.NotNull(await Queue.TryLeaseAsync(entry, B, Hour, Ct));
    }

    [Fact]
    public async Task An_entry_knows_how_it_stands_and_the_queue_how_much_it_holds()
    {
        var tenant = await AddTenantAsync(TenantStatus.Active);
        var entries = Enumerable.Range(0, 4).Select(_ => new QueuedSession(tenant, Id<Session>.New())).ToList();
        foreach (var entry in entries) await WakeAsync(entry);
        await Queue.WakeAsync(tenant, entries[3].Session, new WakeOptions(Priority: 5), Ct);
        await LeaseAsync(entries[0]);
        await Queue.SettleAsync(entries[2], A, await LeaseAsync(entries[2]), new LeaseEnd(Again: Hour), Ct);

        Assert.True((await Queue.FindAsync(entries[0], Ct))!.Held);
        var waiting = (await Queue.FindAsync(entries[1], Ct))!;
        Assert.False(waiting.Held);
        Assert.False(waiting.Suspended);
        Assert.Equal((1, 1, 1), (waiting.Ahead, waiting.TenantHolds, waiting.Nodes));
        Assert.Equal(0, (await Queue.FindAsync(entries[3], Ct))!.Ahead);
        Assert.Null(await Queue.FindAsync(NewEntry(), Ct));
        Assert.Equal(new QueueDepth(Ready: 2, Held: 1, Delayed: 1), await Queue.CountAsync(Ct));
    }

    [Fact]
    public async Task A_suspended_tenants_entries_stand_in_nobodys_way()
    {
        var (active, suspended) = (await AddTenantAsync(TenantStatus.Active), await AddTenantAsync(TenantStatus.Suspended));
        var entries = new[] { suspended, suspended, active }.Select(static tenant => new QueuedSession(tenant, Id<Session>.New())).ToList();
        foreach (var entry in entries) await WakeAsync(entry);
        await LeaseAsync(entries[1]);
        await Queue.ReleaseAsync(entries[1], A, default, Ct);

        Assert.Equal([entries[2]], await FreeAsync(FreeEntries.Untouched));
        Assert.Empty(await FreeAsync(FreeEntries.Dropped));
        Assert.Equal(entries, await AllAsync());
    }

    /// <summary>
    /// Several nodes take, renew, settle and drop a few sessions as fast as they can, with leases so short that many end.
    /// A node counts a lease from before it asked, and no two may ever count on the same session.
    /// </summary>
    [Fact]
    public async Task Never_two_nodes_hold_a_session()
    {
        var entries = Enumerable.Range(0, 3).Select(_ => NewEntry()).ToList();
        foreach (var entry in entries) await WakeAsync(entry);
        var holders = new Holders(Time);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(node => Task.Run(() => UseAsync(QueueOf(node), entries, holders, new Random(node)), Ct)));

        Assert.Empty(holders.Violations);
        Assert.True(holders.Taken > 100 && holders.Outlived > 10, $"{holders.Taken} leases, {holders.Outlived} of them taken over after their end: too few to tell.");
        TestContext.Current.TestOutputHelper!.WriteLine($"{holders.Taken} leases, {holders.Outlived} taken over after their end, 0 held twice.");
    }

    private async Task UseAsync(IRunQueue queue, List<QueuedSession> entries, Holders holders, Random random)
    {
        var node = Id<Node>.New();
        for (var i = 0; i < 400; i++)
        {
            var entry = entries[random.Next(entries.Count)];
            var length = TimeSpan.FromMilliseconds(random.Next(1, 12));
            if (random.Next(3) == 0) await PassAsync(TimeSpan.FromMilliseconds(random.Next(1, 3)));
            var asked = holders.Now;
            holders.Shorten(entry, node, asked + length);
            switch (random.Next(8))
            {
                case 0 when holders.MarkOf(entry, node) is { } mark:
                    // The entry may be gone with the answer, so the claim ends before the question.
                    holders.End(entry, node);
                    await queue.SettleAsync(entry, node, mark, default, Ct);
                    await queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);
                    break;
                case 1:
                    holders.End(entry, node);
                    await queue.ReleaseAsync(entry, node, default, Ct);
                    break;
                case 2 or 3 when holders.MarkOf(entry, node) is not null:
                    var kept = await queue.RenewAsync(node, [entry], length, Ct);
                    if (kept.TryGetValue(entry, out var renewed)) holders.Begin(entry, node, renewed, asked + length);
                    break;
                default:
                    if (await queue.TryLeaseAsync(entry, node, length, Ct) is { } taken) holders.Begin(entry, node, taken.Mark, asked + length);
                    break;
            }
        }
    }

    private static QueuedSession NewEntry() => new(Id<Tenant>.New(), Id<Session>.New());

    private Task WakeAsync(QueuedSession entry) => Queue.WakeAsync(entry.Tenant, entry.Session, default, Ct);

    private async Task<long> LeaseAsync(QueuedSession entry, TimeSpan? length = null) => (await Queue.TryLeaseAsync(entry, A, length ?? Hour, Ct))!.Mark;

    private async Task<Id<Tenant>> AddTenantAsync(TenantStatus status)
    {
        var now = DateTimeOffset.UnixEpoch;
        var tenant = new Tenant(Id<Tenant>.New(), "test", null, "free", Placement.File, "main", status, LimitOverrides.None, now, now, null, null);
        var record = new AuditRecord(tenant.Id, new Principal("operator", "test"), "tenant.create", "target", null, now);
        await Stores.GetRequiredService<ITenantDirectory>().AddAsync(tenant, null, record, Ct);
        return tenant.Id;
    }

    private async Task<List<QueuedSession>> AllAsync()
    {
        List<QueuedSession> all = [];
        await foreach (var entry in Queue.AllAsync(Ct)) all.Add(entry);
        return all;
    }

    private async Task<List<QueuedSession>> FreeAsync(FreeEntries which, int limit = 1000)
    {
        List<QueuedSession> all = [];
        IReadOnlyList<FreeEntry> page;
        var after = 0L;
        do
        {
            page = await Queue.ListFreeAsync(which, after, limit, Ct);
            all.AddRange(page.Select(static free => free.Entry));
            if (page.Count > 0) after = page[^1].Place;
        }
        while (page.Count == limit);
        return all;
    }

    /// <summary>Who counts on which session, and until when.</summary>
    private sealed class Holders(TimeProvider time)
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<QueuedSession, (Id<Node> Node, long Mark, TimeSpan Until)> _held = [];
        private readonly long _start = time.GetTimestamp();

        public ConcurrentQueue<string> Violations { get; } = [];

        public int Taken { get; private set; }

        /// <summary>Leases that another node took when their time was over.</summary>
        public int Outlived { get; private set; }

        public TimeSpan Now => time.GetElapsedTime(_start);

        public long? MarkOf(QueuedSession entry, Id<Node> node)
        {
            lock (_lock) return _held.TryGetValue(entry, out var held) && held.Node == node && held.Until > Now ? held.Mark : null;
        }

        public void Begin(QueuedSession entry, Id<Node> node, long mark, TimeSpan until)
        {
            lock (_lock)
            {
                // An answer that came when its time was over is one that nobody counts on.
                if (until <= Now) return;
                if (_held.TryGetValue(entry, out var held) && held.Node != node)
                {
                    Outlived++;
                    if (held.Until > Now) Violations.Enqueue($"{node} took {entry.Session} from {held.Node}, which holds it for {held.Until - Now} more.");
                }

                Taken++;
                _held[entry] = (node, mark, until);
            }
        }

        /// <summary>Said before a lease is asked for anew, which may also bring its end nearer.</summary>
        public void Shorten(QueuedSession entry, Id<Node> node, TimeSpan until)
        {
            lock (_lock)
            {
                if (_held.TryGetValue(entry, out var held) && held.Node == node && held.Until > until) _held[entry] = held with { Until = until };
            }
        }

        public void End(QueuedSession entry, Id<Node> node)
        {
            lock (_lock)
            {
                if (_held.TryGetValue(entry, out var held) && held.Node == node) _held.Remove(entry);
            }
        }
    }
}
