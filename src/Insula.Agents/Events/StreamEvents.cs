using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Events;

/// <summary>
/// Opens a live view of a session's log. It starts after the event that the caller saw last, or with what happens from
/// now on, and ends only when the session is deleted or the caller stops.
/// </summary>
public sealed class StreamEvents(ITenantStores stores, SessionFeed feed)
{
    /// <param name="afterSeq">The number of the last event that the caller has; null for none before now.</param>
    public async Task<Result<IAsyncEnumerable<FeedItem>>> OpenAsync(TenantScope scope, Id<Session> id, long? afterSeq, CancellationToken ct)
    {
        Session? session;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            session = await store.Sessions.FindAsync(id, ct);
        }

        if (session is null) return SessionRules.NotFound;
        if (afterSeq > session.LastSeq)
        {
            return Fault.Invalid("last_event_id", $"Last-Event-ID is {afterSeq}, but the session's newest event is {session.LastSeq}. Leave it out to start from now.");
        }

        // The number is fixed here: an event between this answer and the first read belongs to the stream.
        return Result.Of(feed.WatchAsync(scope, id, afterSeq ?? session.LastSeq, ct));
    }
}
