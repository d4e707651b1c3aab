using Insula.Agents.Events;
using Insula.Agents.Input;
using Insula.Agents.Runs;
using Insula.Tenancy.Access;
using Insula.Tenancy.Audit;
using Insula.Tenancy.Budgets;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Sessions;

/// <summary>
/// Removes a session with its log, for good, and tells whoever watches it. A run that is under way is interrupted first, so
/// that its calls, its children and its charges end; a worker that does not get to it in time can write nothing any more.
/// </summary>
public sealed class DeleteSession(ITenantStores stores, SessionWork work, SessionFeed feed, IBudgetStore budgets, IAuditLog audit, TimeProvider time)
{
    /// <summary>How long a worker gets to end the run by itself. Where it is dead, nobody does.</summary>
    private static readonly TimeSpan StopWait = TimeSpan.FromSeconds(2);

    /// <summary>Faults: NotFound; Conflict when a run of another session awaits it, or a fork reads its beginning from it.</summary>
    public async Task<Result<Done>> DeleteAsync(TenantScope scope, Id<Session> id, CancellationToken ct)
    {
        var removed = await RemoveAsync(scope, id, static session => SessionRules.IsAtWork(session) ? AtWork : null, ct);
        if (removed is { } busy && ReferenceEquals(busy.Fault, AtWork))
        {
            await StopAsync(scope, id, ct);
            removed = await RemoveAsync(scope, id, static _ => null, ct);
        }

        if (removed is not { } result) return SessionRules.NotFound;
        if (result.Fault is not null) return result;

        feed.Close(scope, id);
        await budgets.SetOwnAsync(scope.Tenant, id.ToString(), limitMicros: null, ct);
        await audit.AppendAsync(scope, "session.delete", id.ToString(), time.GetUtcNow(), ct);
        return result;
    }

    /// <summary>Never shown: what is at work is stopped.</summary>
    private static readonly Fault AtWork = Fault.Conflict("session_at_work", "The session is at work.");

    private async Task<Result<Done>?> RemoveAsync(TenantScope scope, Id<Session> id, Func<Session, Fault?> allowed, CancellationToken ct)
    {
        await using var store = await stores.OpenAsync(scope, ct);
        return await AwaitedAsync(store.Sessions, id, ct) is { } awaited ? awaited : await store.Sessions.RemoveAsync(id, allowed, ct);
    }

    /// <summary>Interrupts the session's runs and waits until its log says that they have stopped, if that is soon.</summary>
    private async Task StopAsync(TenantScope scope, Id<Session> id, CancellationToken ct)
    {
        if (await work.SubmitAsync(scope, id, static _ => (NewEvent[])[new NewEvent(new UserInterrupt())], ct) is not { Fault: null, Value: [var interrupt, ..] }) return;
        using var limit = new CancellationTokenSource(StopWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await foreach (var item in feed.WatchAsync(scope, id, interrupt.Seq, either.Token))
            {
                if (item is LoggedEvent { Event.Body: SessionStatusIdle or SessionStatusTerminated }) return;
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Its worker is dead or stuck: with the session gone it can write nothing.
        }
    }

    /// <summary>Without the child its parent's call would make it anew.</summary>
    private static async Task<Fault?> AwaitedAsync(ISessionStore sessions, Id<Session> id, CancellationToken ct) =>
        await sessions.FindAsync(id, ct) is { Parent: { } parent } && await sessions.FindAsync(parent.SessionId, ct) is { OpenRun: { } open } && open == parent.RunId
            ? Fault.Conflict("session_awaited", $"The session works for a run of the session {parent.SessionId} that is open. Send that session a user.interrupt event, or wait for its end, and try again.")
            : null;
}
