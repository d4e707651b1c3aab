using Insula.Agents.Events;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>What a worker does next: a pure function of the session's state, so every decision can be tested and repeated.</summary>
internal abstract record NextStep
{
    /// <summary>Nothing to do: the worker leaves.</summary>
    public sealed record Nothing : NextStep;

    /// <summary>Begin a run with this input.</summary>
    public sealed record Start(IReadOnlyList<SessionEvent> Input) : NextStep;

    /// <summary>Note input that starts nothing: an answer to a call that is settled, an interrupt of nothing.</summary>
    public sealed record Note(IReadOnlyList<SessionEvent> Input) : NextStep;

    /// <summary>Go on with the open run, taking up answers that came.</summary>
    public sealed record Resume(IReadOnlyList<SessionEvent> Input) : NextStep;

    /// <summary>Settle input that no run takes up; a run queued for it is cancelled.</summary>
    public sealed record Drop(IReadOnlyList<SessionEvent> Input) : NextStep;

    /// <summary>End the open run because a person said so; the input is settled by it.</summary>
    public sealed record Interrupt(IReadOnlyList<SessionEvent> Input, bool Rollback) : NextStep;

    /// <summary>The answer to a model request was lost; say so before it is asked again.</summary>
    public sealed record CloseLostRequest(Id<SessionEvent> Request) : NextStep;

    public sealed record CallModel : NextStep;

    public sealed record RunTool(OpenCall Call) : NextStep;

    public sealed record RefuseTool(OpenCall Call) : NextStep;

    /// <summary>Stop until these calls are answered.</summary>
    public sealed record Wait(IReadOnlyList<Id<SessionEvent>> On) : NextStep;

    /// <summary>Nobody answered these calls in time.</summary>
    public sealed record Expire(IReadOnlyList<OpenCall> Calls) : NextStep;

    /// <summary>The run reached a limit.</summary>
    public sealed record GiveUp(RunLimit Limit) : NextStep;

    /// <summary>The run is done.</summary>
    public sealed record End : NextStep;

    /// <param name="pending">Calls that were asked in this pass and have no outcome yet.</param>
    /// <param name="intended">A model request that the worker itself recorded and has not made; any other open one was lost.</param>
    public static NextStep Decide(SessionState state, RunLimits limits, DateTimeOffset now, IReadOnlySet<Id<SessionEvent>> pending, Id<SessionEvent>? intended = null)
    {
        if (state.NewInput.FirstOrDefault(i => i.Body is UserInterrupt) is { } interrupt) return DecideInterrupt(state, interrupt, (UserInterrupt)interrupt.Body);
        if (!state.RunOpen)
        {
            if (state.NewInput.Any(i => i.Body is UserMessage)) return new Start([.. state.NewInput]);
            return state.NewInput.Any(IsAnswer) ? new Note([.. state.NewInput.Where(IsAnswer)]) : new Nothing();
        }

        if (!state.Waiting && limits.Reached(state, now) is { } limit) return new GiveUp(limit);
        if (state.OpenRequest is { } request) return request == intended ? new CallModel() : new CloseLostRequest(request);
        var answers = state.NewInput.Where(IsAnswer).ToList();
        if (answers.Count > 0) return new Resume(answers);
        return DecideOpenRun(state, limits, now, pending);
    }

    private static NextStep DecideInterrupt(SessionState state, SessionEvent interrupt, UserInterrupt body)
    {
        if (body.RunId is not { } target)
        {
            var settled = state.NewInput.Where(i => i.Seq <= interrupt.Seq).ToList();
            return state.RunOpen ? new Interrupt(settled, body.Rollback) : new Drop(settled);
        }

        if (target == state.OpenRun) return new Interrupt([interrupt], body.Rollback);
        var messages = state.NewInput.Where(i => i.Body is UserMessage).ToList();
        var queued = messages.Count > 0 && Run.IdOf(messages[0].Id) == target;

        // Of a run that is over by now nothing is left to end.
        return new Drop(queued ? [.. messages.Where(m => m.Seq < interrupt.Seq), interrupt] : [interrupt]);
    }

    private static NextStep DecideOpenRun(SessionState state, RunLimits limits, DateTimeOffset now, IReadOnlySet<Id<SessionEvent>> pending)
    {
        var calls = state.OpenCalls.ToList();
        if (calls.Find(c => c.Standing == CallStanding.Denied) is { } denied) return new RefuseTool(denied);
        if (calls.Find(c => c.Standing == CallStanding.Allowed && !pending.Contains(c.Id)) is { } allowed)
        {
            return state.Waiting ? new Resume([]) : new RunTool(allowed);
        }

        if (calls.Exists(c => c.Standing == CallStanding.Allowed)) return new Nothing();
        if (calls.Count > 0 && !state.Waiting) return new Wait([.. calls.Select(c => c.Id)]);
        if (calls.Count > 0) return now - state.WaitingSince >= limits.AnswerWait ? new Expire(calls) : new Nothing();
        if (!state.ModelDue) return new End();
        if (limits.ReachedForModel(state) is { } limit) return new GiveUp(limit);
        return state.Waiting ? new Resume([]) : new CallModel();
    }

    private static bool IsAnswer(SessionEvent input) => input.Body is UserToolConfirmation or UserCustomToolResult;
}
