using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>
/// Tells watchers what happens in a session. The log is the truth and the feed only a faster way to hear of it: a
/// watcher keeps the number of the last event it saw and reads the log itself whenever the feed skipped one, so a watcher
/// sees every logged event exactly once, in order, however slow it is. Previews are best effort: a watcher that lags or
/// joins in the middle of a message misses the rest of that preview and gets the whole event.
/// A watcher holds one bounded queue and no worker ever waits for it.
/// What happens on other nodes comes as a wake, upon which the watcher reads the log; and since a wake may be lost with the
/// node that owed it, watchers also read by themselves now and then, a bounded number at a time.
/// </summary>
public sealed class SessionFeed : IDisposable
{
    /// <summary>Items that a watcher may be behind; what comes beyond is left to the log.</summary>
    internal const int QueueMax = 256;

    private const int ReadMax = 200;

    /// <summary>Watchers that read by themselves in one round; with more of them each waits longer for its turn.</summary>
    private const int RoundMax = 200;

    private static readonly TimeSpan RoundPeriod = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly Dictionary<(Id<Tenant> Tenant, Id<Session> Session), List<Watcher>> _watchers = [];
    private readonly Queue<Watcher> _round = [];
    private readonly ITenantStores _stores;
    private readonly SessionWakes _wakes;
    private readonly ITimer? _rounds;

    public SessionFeed(ITenantStores stores, SessionWakes wakes, Node node, TimeProvider time)
    {
        _stores = stores;
        _wakes = wakes;
        if (!node.Alone) _rounds = time.CreateTimer(_ => LookRound(), null, RoundPeriod, RoundPeriod);
    }

    /// <summary>How far behind the slowest watcher is.</summary>
    internal int LongestQueue
    {
        get
        {
            lock (_lock) return _watchers.Values.SelectMany(static watchers => watchers).Select(static watcher => watcher.Queue.Reader.Count).DefaultIfEmpty().Max();
        }
    }

    public void Dispose() => _rounds?.Dispose();

    /// <summary>
    /// Everything after event <paramref name="afterSeq"/>, or from now on when null, until the session is gone or the
    /// token ends. The store is opened for each read and never held while waiting.
    /// </summary>
    public async IAsyncEnumerable<FeedItem> WatchAsync(
        TenantScope scope, Id<Session> session, long? afterSeq, [EnumeratorCancellation] CancellationToken ct)
    {
        var watcher = new Watcher();
        Subscribe((scope.Tenant, session), watcher);
        using var ear = _wakes.Listen(session, watcher.LookAgain);
        try
        {
            // Subscribed first, read second: an event appended in between is in both, and is dropped as already seen.
            if (afterSeq is null && await LastSeqAsync(scope, session, ct) is { } last) afterSeq = last;
            var cursor = new Cursor(afterSeq ?? 0);
            await foreach (var item in CatchUpAsync(scope, session, cursor, ct)) yield return item;

            while (await watcher.Queue.Reader.WaitToReadAsync(ct))
            {
                if (watcher.TakeLag())
                {
                    await foreach (var item in CatchUpAsync(scope, session, cursor, ct)) yield return item;
                    continue;
                }

                if (!watcher.Queue.Reader.TryRead(out var next)) continue;
                if (next is LogMayHaveGrown)
                {
                    watcher.Looks();
                    if (await NewestAsync(scope, session, cursor, ct) is not { } newest) break;
                    if (newest == cursor.Seq) continue;
                    await foreach (var item in CatchUpAsync(scope, session, cursor, ct)) yield return item;
                }
                else if (next is LoggedEvent logged && logged.Event.Seq > cursor.Seq + 1)
                {
                    await foreach (var item in CatchUpAsync(scope, session, cursor, ct)) yield return item;
                }
                else if (cursor.Accepts(next))
                {
                    yield return next;
                }
            }

            yield return new SessionGone();
        }
        finally
        {
            Unsubscribe((scope.Tenant, session), watcher);
        }
    }

    /// <summary>Hands items to whoever watches. Logged events only after they are durable.</summary>
    internal void Publish(Id<Tenant> tenant, Id<Session> session, IEnumerable<FeedItem> items)
    {
        Watcher[] watchers;
        lock (_lock)
        {
            if (!_watchers.TryGetValue((tenant, session), out var found)) return;
            watchers = [.. found];
        }

        foreach (var item in items)
        {
            foreach (var watcher in watchers) watcher.Offer(item);
        }
    }

    /// <summary>Hands events that are durable to whoever watches, here and on other nodes.</summary>
    internal void Publish(Id<Tenant> tenant, Id<Session> session, IReadOnlyList<SessionEvent> events)
    {
        if (events.Count == 0) return;
        Publish(tenant, session, events.Select(e => new LoggedEvent(e)));
        _wakes.Announce(session);
    }

    /// <summary>Tells watchers, here and on other nodes, that the session is deleted.</summary>
    public void Close(TenantScope scope, Id<Session> session)
    {
        Publish(scope.Tenant, session, [new SessionGone()]);
        _wakes.Announce(session);
    }

    private async Task<long?> LastSeqAsync(TenantScope scope, Id<Session> session, CancellationToken ct)
    {
        await using var store = await _stores.OpenAsync(scope, ct);
        return await store.Sessions.FindLastSeqAsync(session, ct);
    }

    /// <summary>The number of the newest event, as far as can be told now; null when the session is gone.</summary>
    private async Task<long?> NewestAsync(TenantScope scope, Id<Session> session, Cursor cursor, CancellationToken ct)
    {
        try
        {
            return await LastSeqAsync(scope, session, ct);
        }
        catch (FaultException e) when (ComesBack(e))
        {
            return cursor.Seq;
        }
    }

    /// <summary>A store that is away for a moment ends no stream: a later round reads what is missing.</summary>
    private bool ComesBack(FaultException error) => _rounds is not null && error.Fault.Kind == FaultKind.Unavailable;

    /// <summary>Lets the next few watchers look at their logs by themselves.</summary>
    private void LookRound()
    {
        List<Watcher> turn = [];
        lock (_lock)
        {
            if (_round.Count == 0)
            {
                foreach (var watcher in _watchers.Values.SelectMany(static watchers => watchers)) _round.Enqueue(watcher);
            }

            while (turn.Count < RoundMax && _round.TryDequeue(out var watcher)) turn.Add(watcher);
        }

        foreach (var watcher in turn) watcher.LookAgain();
    }

    private async IAsyncEnumerable<FeedItem> CatchUpAsync(
        TenantScope scope, Id<Session> session, Cursor cursor, [EnumeratorCancellation] CancellationToken ct)
    {
        cursor.Settled.Clear();
        while (true)
        {
            IReadOnlyList<SessionEvent> events;
            try
            {
                await using var store = await _stores.OpenAsync(scope, ct);
                events = await store.Sessions.ReadAsync(session, cursor.Seq, ReadMax, ct);
            }
            catch (FaultException e) when (ComesBack(e))
            {
                yield break;
            }

            foreach (var e in events)
            {
                cursor.Seq = e.Seq;
                cursor.Settled.Add(e.Id);
                yield return new LoggedEvent(e);
            }

            if (events.Count < ReadMax) yield break;
        }
    }

    private void Subscribe((Id<Tenant> Tenant, Id<Session> Session) key, Watcher watcher)
    {
        lock (_lock)
        {
            if (!_watchers.TryGetValue(key, out var list)) _watchers[key] = list = [];
            list.Add(watcher);
        }
    }

    private void Unsubscribe((Id<Tenant> Tenant, Id<Session> Session) key, Watcher watcher)
    {
        lock (_lock)
        {
            if (!_watchers.TryGetValue(key, out var list)) return;
            list.Remove(watcher);
            if (list.Count == 0) _watchers.Remove(key);
        }
    }

    private sealed class Watcher
    {
        private bool _lagged;
        private int _toLook;

        public Channel<FeedItem> Queue { get; } = Channel.CreateBounded<FeedItem>(new BoundedChannelOptions(QueueMax) { SingleReader = true });

        public void Offer(FeedItem item)
        {
            if (item is SessionGone) Queue.Writer.TryComplete();
            else if (!Queue.Writer.TryWrite(item)) Volatile.Write(ref _lagged, true);
        }

        /// <summary>Something may have come that nobody on this node knows of.</summary>
        public void LookAgain()
        {
            // One such item is enough, however many wakes come before it is taken.
            if (Interlocked.Exchange(ref _toLook, 1) == 0) Offer(new LogMayHaveGrown());
        }

        /// <summary>The item is taken: from here on the next wake counts.</summary>
        public void Looks() => Volatile.Write(ref _toLook, 0);

        /// <summary>Whether items were lost since the last call; empties the queue, since the log has what it held.</summary>
        public bool TakeLag()
        {
            if (!Volatile.Read(ref _lagged)) return false;

            // Lowered before the queue is emptied: whatever is lost from here on is either in the read of the log that
            // follows, or raises the flag again.
            Volatile.Write(ref _lagged, false);
            while (Queue.Reader.TryRead(out _))
            {
            }

            Looks();

            return true;
        }
    }

    private sealed class Cursor(long seq)
    {
        private Id<SessionEvent>? _preview;

        public long Seq { get; set; } = seq;

        /// <summary>Events that the last read of the log gave: previews of them that are still queued are stale.</summary>
        public HashSet<Id<SessionEvent>> Settled { get; } = [];

        public bool Accepts(FeedItem item)
        {
            switch (item)
            {
                case LoggedEvent { Event: var e }:
                    if (e.Seq <= Seq) return false;
                    Seq = e.Seq;
                    _preview = _preview == e.Id ? null : _preview;
                    return true;
                case MessageStarted started:
                    if (Settled.Contains(started.Id)) return false;
                    _preview = started.Id;
                    return true;
                case MessageDelta delta:
                    return _preview == delta.Id && !Settled.Contains(delta.Id);
                default:
                    return true;
            }
        }
    }

    /// <summary>For the watcher itself: look at the log.</summary>
    private sealed record LogMayHaveGrown : FeedItem;
}
