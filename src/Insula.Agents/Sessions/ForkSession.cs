using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

/// <summary>
/// Makes a session that goes on from a position in another one's log. It shares the log up to there and nothing else: what
/// was under way there ends with its first own event, so no call is made twice, and its runs have ids and idempotency keys
/// of their own. The agent is the one that the origin has now.
/// </summary>
public sealed class ForkSession(SessionWork work, IAuditLog audit, TimeProvider time)
{
    /// <param name="at">The last event that the fork has; 0 for none. The origin may be at work, archived or ended.</param>
    /// <param name="events">The fork's first input; a run starts when there is a message.</param>
    public async Task<Result<Session>> ForkAsync(TenantScope scope, Id<Session> origin, long at, IReadOnlyList<InputBody> events, CancellationToken ct)
    {
        if ((events.Count == 0 ? null : InputRules.ForkViolation(events)) is { } violation) return violation;

        var now = time.GetUtcNow();
        var id = Id<Session>.New();
        var starts = events.Any(body => body is UserMessage);
        List<NewEvent> log = [new NewEvent(new SessionForked(origin, at)), .. events.Select(body => new NewEvent(body).By(scope))];
        var forked = await work.ForkAsync(scope, origin, id, starts, session => Fork(session, id, at, log, starts, now), ct);
        if (forked is not { } result) return SessionRules.NotFound;
        if (result.Failed(out var fault, out var fork)) return fault;

        await audit.AppendAsync(scope, "session.fork", $"{id} of {origin} at {at}", now, ct);
        return fork;
    }

    private static Result<SessionUpdate> Fork(Session origin, Id<Session> id, long at, IReadOnlyList<NewEvent> log, bool starts, DateTimeOffset now)
    {
        if (ForkRules.PointViolation(at, origin.LastSeq) is { } violation) return violation;
        return new SessionUpdate(
            origin with
            {
                Id = id,
                ForkedFrom = new ForkPoint(origin.Id, at),
                Parent = null,
                OpenRun = null,
                Status = SessionStatus.Idle,
                LastSeq = at,
                Epoch = 0,
                PendingInput = starts,
                Usage = default,
                ActiveSeconds = 0,
                CreatedAt = now,
                UpdatedAt = now,
                ArchivedAt = null,
            },
            log);
    }
}
