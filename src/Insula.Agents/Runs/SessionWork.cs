using Insula.Agents.Events;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;

namespace Insula.Agents.Runs;

/// <summary>
/// The one way that input reaches a session: queue entry, log, queue entry anew, then the watchers and the dispatcher.
/// The first entry outlives a crash after the append. The second one is for a worker that took the first as its own,
/// looked before the append and settled it: marked anew after the append, the entry brings somebody to look again.
/// </summary>
public sealed class SessionWork(ITenantStores stores, IRunQueue queue, RunDispatcher dispatcher, SessionFeed feed, AllowWork allow, TimeProvider time)
{
    /// <summary>
    /// Appends the input that <paramref name="input"/> gives for the session as it is, and sets a worker on it. Null when the
    /// session is missing; a fault writes nothing. It may be asked more than once.
    /// </summary>
    public async Task<Result<IReadOnlyList<SessionEvent>>?> SubmitAsync(
        TenantScope scope, Id<Session> session, Func<Session, Result<IReadOnlyList<NewEvent>>> input, CancellationToken ct)
    {
        Result<IReadOnlyList<SessionEvent>>? appended;
        Id<Run>? open = null;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            // Looked at first, so that an id of nothing costs a read and no entry; the append looks again.
            if (await store.Sessions.FindAsync(session, ct) is not { } found) return null;
            if (input(found).Failed(out var refused, out var given)) return refused;
            if ((await allow(scope, ClassesOf(given), ct)).Failed(out var over, out _)) return over;
            await queue.WakeAsync(scope.Tenant, session, default, ct);
            appended = await store.Sessions.AppendInputAsync(session, InputOf, time.GetUtcNow(), ct);
        }

        if (appended is not { Fault: null } done)
        {
            // Nothing was written; the worker finds no work and takes the entry away.
            dispatcher.Signal(scope.Tenant, session, interrupt: false);
            return appended;
        }

        await queue.WakeAsync(scope.Tenant, session, default, ct);
        feed.Publish(scope.Tenant, session, done.Value);
        dispatcher.Signal(scope.Tenant, session, done.Value.Any(e => e.Body is UserInterrupt interrupt && interrupt.Ends(open)));
        return appended;

        Result<IReadOnlyList<NewEvent>> InputOf(Session found)
        {
            open = found.OpenRun;
            return input(found).Failed(out var refusal, out var events) ? refusal : Result.Of<IReadOnlyList<NewEvent>>([.. events.Select(e => e.By(scope))]);
        }
    }

    /// <summary>Has a worker look at the session, though no input came.</summary>
    internal async Task WakeAsync(TenantScope scope, Id<Session> session, CancellationToken ct)
    {
        await queue.WakeAsync(scope.Tenant, session, default, ct);
        dispatcher.Signal(scope.Tenant, session, interrupt: false);
    }

    /// <summary>Adds a session with its initial input, and sets a worker on it when there is any; a fault writes nothing.</summary>
    public async Task<Result<IReadOnlyList<SessionEvent>>> StartAsync(TenantScope scope, Session session, IReadOnlyList<NewEvent> initial, CancellationToken ct)
    {
        if ((await allow(scope, ClassesOf(initial), ct)).Failed(out var over, out var limits)) return over;
        if (initial.Count > 0) await queue.WakeAsync(scope.Tenant, session.Id, default, ct);
        Result<IReadOnlyList<SessionEvent>> events;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            events = await store.Sessions.AddAsync(session, [.. initial.Select(e => e.By(scope))], limits.Sessions, ct);
        }

        if (initial.Count > 0)
        {
            await queue.WakeAsync(scope.Tenant, session.Id, default, ct);
            dispatcher.Signal(scope.Tenant, session.Id, interrupt: false);
        }

        return events;
    }

    /// <summary>
    /// Adds a session that goes on from <paramref name="origin"/>'s log, and sets a worker on it when its input starts a
    /// run. Null when the origin is missing; a fault of <paramref name="fork"/> writes nothing.
    /// </summary>
    internal async Task<Result<Session>?> ForkAsync(
        TenantScope scope, Id<Session> origin, Id<Session> id, bool starts, Func<Session, Result<SessionUpdate>> fork, CancellationToken ct)
    {
        Result<(Session Session, IReadOnlyList<SessionEvent> Events)>? made;
        await using (var store = await stores.OpenAsync(scope, ct))
        {
            if (await store.Sessions.FindAsync(origin, ct) is not { } found) return null;
            if (fork(found).Failed(out var refused, out _)) return refused;
            if ((await allow(scope, starts ? RateClasses.Runs : RateClasses.None, ct)).Failed(out var over, out var limits)) return over;
            if (starts) await queue.WakeAsync(scope.Tenant, id, default, ct);
            made = await store.Sessions.ForkAsync(origin, fork, limits.Sessions, ct);
        }

        if (starts)
        {
            await queue.WakeAsync(scope.Tenant, id, default, ct);
            dispatcher.Signal(scope.Tenant, id, interrupt: false);
        }

        if (made is not { } result) return null;
        return result.Failed(out var fault, out var forked) ? fault : forked.Session;
    }

    /// <summary>A message queues a run; an answer or an interrupt is for the run that is open.</summary>
    private static RateClasses ClassesOf(IReadOnlyList<NewEvent> input) => input.Any(static e => e.Body is UserMessage) ? RateClasses.Runs : RateClasses.None;
}
