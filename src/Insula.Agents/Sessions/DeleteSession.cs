using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

/// <summary>Removes a session with its log, for good, and tells whoever watches it.</summary>
public sealed class DeleteSession(ITenantStores stores, SessionFeed feed, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Done>> DeleteAsync(TenantScope scope, Id<Session> id, CancellationToken ct)
    {
        Result<Done>? removed;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (await AwaitedAsync(store.Sessions, id, ct) is { } awaited) return awaited;
            removed = await store.Sessions.RemoveAsync(id, Allowed, ct);
        }

        if (removed is not { } result) return SessionRules.NotFound;
        if (result.Fault is not null) return result;

        feed.Close(scope, id);
        await audit.AppendAsync(scope, "session.delete", id.ToString(), time.GetUtcNow(), ct);
        return result;
    }

    private static Fault? Allowed(Session session) => SessionRules.IsAtWork(session) ? SessionRules.Running("deleted") : null;

    /// <summary>Without the child its parent's call would make it anew.</summary>
    private static async Task<Fault?> AwaitedAsync(ISessionStore sessions, Id<Session> id, CancellationToken ct) =>
        await sessions.FindAsync(id, ct) is { Parent: { } parent } && await sessions.FindAsync(parent.SessionId, ct) is { OpenRun: { } open } && open == parent.RunId
            ? Fault.Conflict("session_awaited", $"The session works for a run of the session {parent.SessionId} that is open. Send that session a user.interrupt event, or wait for its end, and try again.")
            : null;
}
