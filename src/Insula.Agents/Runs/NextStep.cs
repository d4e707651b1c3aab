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

    /// <summary>End the open run because a person said so; the input up to the interrupt is settled by it.</summary>
    public sealed record Interrupt(IReadOnlyList<SessionEvent> Input) : NextStep;

    /// <summary>The answer to a model request was lost; say so before it is asked again.</summary>
    public sealed record CloseLostRequest(Id<SessionEvent> Request) : NextStep;

    public sealed record CallModel : NextStep;

    public sealed record RunTool(OpenCall Call) : NextStep;

    public sealed record RefuseTool(OpenCall Call) : NextStep;

    /// <summary>Stop until these calls are answered.</summary>
    public sealed record Wait(IReadOnlyList<Id<SessionEvent>> On) : NextStep;

    /// <summary>The run took too many steps.</summary>
    public sealed record GiveUp : NextStep;

    /// <summary>The run is done.</summary>
    public sealed record End : NextStep;

    public static NextStep Decide(SessionState state, int stepsMax)
    {
        if (state.NewInput.LastOrDefault(i => i.Body is UserInterrupt) is { } interrupt)
        {
            var settled = state.NewInput.Where(i => i.Seq <= interrupt.Seq).ToList();
            return state.RunOpen ? new Interrupt(settled) : new Note(settled);
        }

        if (!state.RunOpen)
        {
            if (state.NewInput.Any(i => i.Body is UserMessage)) return new Start([.. state.NewInput]);
            return state.NewInput.Any(IsAnswer) ? new Note([.. state.NewInput.Where(IsAnswer)]) : new Nothing();
        }

        if (state.OpenRequest is { } lost) return new CloseLostRequest(lost);
        var answers = state.NewInput.Where(IsAnswer).ToList();
        if (answers.Count > 0) return new Resume(answers);
        return DecideOpenRun(state, stepsMax);
    }

    private static NextStep DecideOpenRun(SessionState state, int stepsMax)
    {
        var calls = state.OpenCalls.ToList();
        if (calls.Find(c => c.Standing == CallStanding.Denied) is { } denied) return new RefuseTool(denied);
        if (calls.Find(c => c.Standing == CallStanding.Allowed) is { } allowed)
        {
            return state.Waiting ? new Resume([]) : new RunTool(allowed);
        }

        if (calls.Count > 0) return state.Waiting ? new Nothing() : new Wait([.. calls.Select(c => c.Id)]);
        if (!state.ModelDue) return new End();
        if (state.Steps >= stepsMax) return new GiveUp();
        return state.Waiting ? new Resume([]) : new CallModel();
    }

    private static bool IsAnswer(SessionEvent input) => input.Body is UserToolConfirmation or UserCustomToolResult;
}
