using Insula.Agents.Budgets;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Access;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;

namespace Insula.Agents.Events;

/// <summary>
/// Appends a client's events to a session; the run that they start or carry on goes its own way. All of them are taken or
/// none. An answer must name a call that waits for it. That is looked up before the append, so of two answers at the same
/// moment both may be appended; the run takes the first, and notes the other without effect.
/// </summary>
/// <param name="door">Null where no budgets are kept.</param>
public sealed class SendEvents(ITenantStores stores, SessionWork work, BudgetDoor? door = null)
{
    private static readonly string[] TypesOfCalls =
    [
        "agent.tool_use", "agent.custom_tool_use", "agent.tool_result", "user.tool_confirmation", "user.custom_tool_result",
        "session.status_idle", "session.status_terminated", "session.forked",
    ];

    public async Task<Result<IReadOnlyList<SessionEvent>>> SendAsync(
        TenantScope scope, Id<Session> session, IReadOnlyList<InputBody> events, InputPolicy? policy, CancellationToken ct)
    {
        if (InputRules.Violation(events) is { } violation) return violation;
        if (await UnaskedAnswerAsync(scope, session, events, ct) is { } unasked) return unasked;

        var given = events.Select(static body => new NewEvent(body)).ToList();
        var budgets = door is null || !events.Any(static body => body is UserMessage) ? [] : await door.InForceAsync(scope, ct);
        Session? judged = null;
        var appended = await work.SubmitAsync(scope, session, Judge, ct);
        if (judged is null) return appended ?? SessionRules.NotFound;
        if (await door!.RefuseAsync(scope, judged, ct) is { } unfunded) return unfunded;
        return await work.SubmitAsync(scope, session, Judge, ct) ?? SessionRules.NotFound;

        // Whether there is money takes a look at another store, which is for between the appends and not for inside of one.
        Result<IReadOnlyList<NewEvent>> Judge(Session found)
        {
            if (Refusal(found) is { } refusal) return refusal;
            if (judged is not null || door?.Concerns(found, budgets) is not true) return Under(policy, found, given);
            judged = found;
            return SessionRules.NotFound;
        }
    }

    /// <summary>Sends messages and interrupts that the caller checked, under the ids that it chose.</summary>
    internal async Task<Result<IReadOnlyList<SessionEvent>>> SendChosenAsync(TenantScope scope, Id<Session> session, IReadOnlyList<NewEvent> events, CancellationToken ct) =>
        await work.SubmitAsync(scope, session, found => Refusal(found) is { } refusal ? refusal : Result.Of(events), ct) ?? SessionRules.NotFound;

    /// <summary>The input as the policy has it. Only messages meet it: an answer or an interrupt is for the run that is open.</summary>
    private static Result<IReadOnlyList<NewEvent>> Under(InputPolicy? policy, Session session, List<NewEvent> given)
    {
        if (!given.Exists(static e => e.Body is UserMessage) || !SessionRules.HasRun(session)) return given;
        return (policy ?? session.Agent.InputPolicy ?? InputPolicy.Enqueue) switch
        {
            InputPolicy.Reject => Fault.Conflict(
                "session_busy", "The session has a run that is queued or open, and its input policy is reject. Wait for session.status_idle, or send the message with input_policy enqueue, interrupt or rollback."),
            InputPolicy.Interrupt when session.OpenRun is { } open => (NewEvent[])[new NewEvent(new UserInterrupt(open)), .. given],
            InputPolicy.Rollback when session.OpenRun is { } open => (NewEvent[])[new NewEvent(new UserInterrupt(open, Rollback: true)), .. given],
            _ => given,
        };
    }

    private static Fault? Refusal(Session session) => session switch
    {
        { ArchivedAt: not null } => SessionRules.Archived,
        { Status: SessionStatus.Terminated } => Fault.Conflict("session_terminated", "The session has ended and takes no more input; create a new one."),
        _ => null,
    };

    private async Task<Fault?> UnaskedAnswerAsync(TenantScope scope, Id<Session> session, IReadOnlyList<InputBody> events, CancellationToken ct)
    {
        if (!events.Any(body => body is UserToolConfirmation or UserCustomToolResult)) return null;

        var waiting = await WaitingCallsAsync(scope, session, ct);
        if (waiting.Failed(out var missing, out var calls)) return missing;
        for (var i = 0; i < events.Count; i++)
        {
            // Removed as they are answered, so that two answers to one call in one request are refused as well.
            var refusal = events[i] switch
            {
                UserToolConfirmation confirmation when !calls.Confirmations.Remove(confirmation.ToolUseId) => Fault.Invalid(
                    $"events[{i}].tool_use_id", $"events[{i}].tool_use_id must be the id of an agent.tool_use event that waits for a confirmation now."),
                UserCustomToolResult result when !calls.Results.Remove(result.CustomToolUseId) => Fault.Invalid(
                    $"events[{i}].custom_tool_use_id", $"events[{i}].custom_tool_use_id must be the id of an agent.custom_tool_use event that waits for a result now."),
                _ => null,
            };
            if (refusal is not null) return refusal;
        }

        return null;
    }

    /// <summary>The calls that wait, read from the end of the log back to where the run before this one ended.</summary>
    private async Task<Result<WaitingCalls>> WaitingCallsAsync(TenantScope scope, Id<Session> session, CancellationToken ct)
    {
        var calls = new WaitingCalls();
        var answered = new HashSet<Id<SessionEvent>>();
        var filter = new EventFilter(TypesOfCalls, TimeRange.Any, Ascending: false);
        await using var store = await stores.OpenAsync(scope, ct);
        if (await store.Sessions.FindAsync(session, ct) is not { } found) return SessionRules.NotFound;

        string? cursor = null;
        do
        {
            var page = await store.Sessions.ListEventsAsync(found, filter, new PageRequest(PageRequest.LimitMax, cursor), ct);
            foreach (var e in page.Items)
            {
                if (EndsRun(e.Body)) return calls;
                calls.Unfold(e, answered);
            }

            cursor = page.Next;
        }
        while (cursor is not null);
        return calls;
    }

    private static bool EndsRun(EventBody body) =>
        body is SessionStatusTerminated or SessionForked || body is SessionStatusIdle idle && idle.StopReason.EventIds is null;

    private sealed class WaitingCalls
    {
        public HashSet<Id<SessionEvent>> Confirmations { get; } = [];

        public HashSet<Id<SessionEvent>> Results { get; } = [];

        /// <summary>Takes one event; newest first, so an answer is seen before what it answers.</summary>
        public void Unfold(SessionEvent e, HashSet<Id<SessionEvent>> answered)
        {
            switch (e.Body)
            {
                case UserToolConfirmation confirmation:
                    answered.Add(confirmation.ToolUseId);
                    break;
                case UserCustomToolResult result:
                    answered.Add(result.CustomToolUseId);
                    break;
                case AgentToolResult result:
                    answered.Add(result.ToolUseId);
                    break;
                case AgentToolUse { EvaluatedPermission: AgentToolUse.Ask } when !answered.Contains(e.Id):
                    Confirmations.Add(e.Id);
                    break;
                case AgentCustomToolUse when !answered.Contains(e.Id):
                    Results.Add(e.Id);
                    break;
                default:
                    break;
            }
        }
    }
}
