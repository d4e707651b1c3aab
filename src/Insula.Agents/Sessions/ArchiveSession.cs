using Insula.Agents.Input;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

/// <summary>Archives an idle session: it can be read and takes no more input. Archiving twice is fine.</summary>
public sealed class ArchiveSession(ITenantStores stores, IAuditLog audit, TimeProvider time)
{
    public async Task<Result<Session>> ArchiveAsync(TenantScope scope, Id<Session> id, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        Result<Session>? archived;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            archived = await store.Sessions.ArchiveAsync(id, Allowed, now, ct);
        }

        if (archived is not { } result) return SessionRules.NotFound;
        if (result.Fault is null) await audit.AppendAsync(scope, "session.archive", id.ToString(), now, ct);
        return result;
    }

    // Input that waits for a worker is work, too: a run must not begin in an archived session.
    private static Fault? Allowed(Session session) =>
        session.ArchivedAt is null && (SessionRules.IsAtWork(session) || session.PendingInput) ? SessionRules.Running("archived") : null;
}
