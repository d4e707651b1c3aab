using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Agents.Runs;

/// <summary>
/// Tells watchers what happens in a session. The log is the truth and the feed only a faster way to hear of it: a
/// watcher keeps the number of the last event it saw and reads the log itself whenever the feed skipped one, so a watcher
/// sees every logged event exactly once, in order, however slow it is. Previews are best effort: a watcher that lags or
/// joins in the middle of a message misses the rest of that preview and gets the whole event.
/// A watcher holds one bounded queue and no worker ever waits for it.
/// </summary>
public sealed class SessionFeed(ITenantStores stores)
{
    private const int QueueMax = 256;
    private const int ReadMax = 200;

    private readonly Lock _lock = new();
    private readonly Dictionary<(Id<Tenant> Tenant, Id<Session> Session), List<Watcher>> _watchers = [];

    /// <summary>
    /// Everything after event <paramref name="afterSeq"/>, or from now on when null, until the session is gone or the
    /// token ends. The store is opened for each read and never held while waiting.
    /// </summary>
    public async IAsyncEnumerable<FeedItem> WatchAsync(
        TenantScope scope, Id<Session> session, long? afterSeq, [EnumeratorCancellation] CancellationToken ct)
    {
        var watcher = new Watcher();
        Subscribe((scope.Tenant, session), watcher);
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
                if (next is LoggedEvent logged && logged.Event.Seq > cursor.Seq + 1)
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

    internal void Publish(Id<Tenant> tenant, Id<Session> session, IReadOnlyList<SessionEvent> events) =>
        Publish(tenant, session, events.Select(e => new LoggedEvent(e)));

    /// <summary>Tells watchers that the session is deleted.</summary>
    public void Close(TenantScope scope, Id<Session> session) => Publish(scope.Tenant, session, [new SessionGone()]);

    private async Task<long?> LastSeqAsync(TenantScope scope, Id<Session> session, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return (await store.Sessions.FindAsync(session, ct))?.LastSeq;
    }

    private async IAsyncEnumerable<FeedItem> CatchUpAsync(
        TenantScope scope, Id<Session> session, Cursor cursor, [EnumeratorCancellation] CancellationToken ct)
    {
        cursor.Settled.Clear();
        while (true)
        {
            IReadOnlyList<SessionEvent> events;
            await using (var store = await stores.OpenAsync(scope, ct))
            {
                events = await store.Sessions.ReadAsync(session, cursor.Seq, ReadMax, ct);
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

        public Channel<FeedItem> Queue { get; } = Channel.CreateBounded<FeedItem>(new BoundedChannelOptions(QueueMax) { SingleReader = true });

        public void Offer(FeedItem item)
        {
            if (item is SessionGone) Queue.Writer.TryComplete();
            else if (!Queue.Writer.TryWrite(item)) Volatile.Write(ref _lagged, true);
        }

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
}
