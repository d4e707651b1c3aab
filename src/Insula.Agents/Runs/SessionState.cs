using Insula.Agents.Events;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>
/// What a session's log says, folded event by event. It is a function of the log alone, so a worker that starts from a
/// log another one left sees exactly what that one saw. Only <see cref="Fold"/> changes it.
/// </summary>
internal sealed class SessionState
{
    private readonly List<SessionEvent> _log = [];
    private readonly List<SessionEvent> _newInput = [];
    private readonly List<EndedRun> _ended = [];
    private readonly Dictionary<Id<SessionEvent>, OpenCall> _openCalls = [];
    private readonly Dictionary<string, int> _sameCalls = [];
    private int _callsInTurn;
    private TimeSpan _activeBefore;
    private DateTimeOffset? _activeSince;

    /// <summary>Number of the last event folded.</summary>
    public long LastSeq { get; private set; }

    /// <summary>Every event but input not yet taken up, in log order.</summary>
    public IReadOnlyList<SessionEvent> Log => _log;

    /// <summary>Input that no run has taken up, in log order.</summary>
    public IReadOnlyList<SessionEvent> NewInput => _newInput;

    /// <summary>Calls without a result, oldest first.</summary>
    public IEnumerable<OpenCall> OpenCalls => _openCalls.Values.OrderBy(c => c.Seq);

    /// <summary>A model request that began and has not ended: after a crash, one whose answer was lost.</summary>
    public Id<SessionEvent>? OpenRequest { get; private set; }

    /// <summary>Whether the run that is open owes a model call.</summary>
    public bool ModelDue { get; private set; }

    /// <summary>Whether a run is open, waiting ones included.</summary>
    public bool RunOpen { get; private set; }

    /// <summary>Whether the open run waits for action.</summary>
    public bool Waiting { get; private set; }

    /// <summary>Whether the open run was waiting to try a failed model request again.</summary>
    public bool Rescheduled { get; private set; }

    /// <summary>The open run.</summary>
    public Id<Run>? OpenRun { get; private set; }

    /// <summary>Since when the open run waits for action.</summary>
    public DateTimeOffset WaitingSince { get; private set; }

    /// <summary>Model requests and tool results of the open run.</summary>
    public int Steps { get; private set; }

    /// <summary>Tokens that the open run's model requests used, in and out.</summary>
    public long Tokens { get; private set; }

    /// <summary>Micro-dollars that the open run's steps cost.</summary>
    public long CostMicros { get; private set; }

    /// <summary>Events of the open run since its beginning that a model is told of.</summary>
    public int Said { get; private set; }

    /// <summary>Who sent the message that the run which began last has its digits from; null when nobody knows.</summary>
    public string? Principal { get; private set; }

    /// <summary>How often the open run made the same call with the same result, for the call that it made most often.</summary>
    public int Repeats { get; private set; }

    /// <summary>How long the open run has worked at <paramref name="now"/>: waiting for action does not count, waiting for a worker does.</summary>
    public TimeSpan ActiveFor(DateTimeOffset now) => _activeBefore + (_activeSince is { } since ? now - since : TimeSpan.Zero);

    /// <summary>Runs that ended, the last one at the end.</summary>
    public IReadOnlyList<EndedRun> Ended => _ended;

    /// <summary>
    /// Forgets all ended runs but the last: whoever worked here before told of those, and may have died before it told of
    /// that one.
    /// </summary>
    public void KeepLastEnded()
    {
        if (_ended.Count > 1) _ended.RemoveRange(0, _ended.Count - 1);
    }

    public void Fold(SessionEvent e)
    {
        LastSeq = Math.Max(LastSeq, e.Seq);
        if (e is { Body: InputBody, ProcessedAt: null })
        {
            _newInput.Add(e);
            return;
        }

        if (e is { Body: UserInterrupt { RunId: { } run }, ProcessedAt: { } at }) SettleQueued(run, at);
        _log.Add(e);
        Apply(e);
    }

    /// <summary>
    /// An interrupt that was settled as it was appended ended the queued run, with the messages that stood before it. Who
    /// read these before it has them as new still.
    /// </summary>
    private void SettleQueued(Id<Run> run, DateTimeOffset at)
    {
        var messages = _newInput.Where(static i => i.Body is UserMessage).Select(static i => i.Id).ToList();
        if (messages.Count > 0 && Run.IdOf(messages[0]) == run) TakeUp(messages, run: null, at);
    }

    /// <summary>The inputs were taken up by <paramref name="run"/> at <paramref name="at"/>; they are folded as such.</summary>
    public void TakeUp(IReadOnlyCollection<Id<SessionEvent>> inputs, Id<Run>? run, DateTimeOffset at)
    {
        foreach (var input in _newInput.Where(i => inputs.Contains(i.Id)).ToList())
        {
            _newInput.Remove(input);
            var taken = input with { ProcessedAt = at, Run = run };
            _log.Add(taken);
            Apply(taken);
        }
    }

    private void Apply(SessionEvent e)
    {
        if (e.Run is { } run && run == OpenRun && e.Body is InputBody or AgentMessage or AgentToolUse or AgentCustomToolUse or AgentToolResult) Said++;
        switch (e.Body)
        {
            case UserToolConfirmation confirmation when _openCalls.TryGetValue(confirmation.ToolUseId, out var call) && !call.Confirmed:
                _openCalls[call.Id] = call with
                {
                    Standing = confirmation.Result == UserToolConfirmation.Allow ? CallStanding.Allowed : CallStanding.Denied,
                    Confirmed = true,
                    DenyMessage = confirmation.DenyMessage,
                };
                break;
            case UserCustomToolResult result:
                _openCalls.Remove(result.CustomToolUseId);
                break;
            case AgentToolUse use:
                _callsInTurn++;
                _openCalls[e.Id] = new OpenCall(e.Id, e.Seq, use.Name, use.Input, Standing(use.EvaluatedPermission));
                break;
            case AgentCustomToolUse custom:
                _callsInTurn++;
                _openCalls[e.Id] = new OpenCall(e.Id, e.Seq, custom.Name, custom.Input, CallStanding.AwaitsClient);
                break;
            case AgentToolResult result:
                Steps += 1 + (result.Steps ?? 0);
                CostMicros += result.CostMicros ?? 0;
                if (_openCalls.Remove(result.ToolUseId, out var done)) CountRepeats(done, result);
                break;
            case SpanModelRequestStart:
                Steps++;
                _callsInTurn = 0;
                OpenRequest = e.Id;
                break;
            case SpanModelRequestEnd end:
                OpenRequest = null;
                Tokens += end.ModelUsage.InputTokens + end.ModelUsage.OutputTokens + end.ModelUsage.CacheReadInputTokens + end.ModelUsage.CacheCreationInputTokens;
                CostMicros += end.CostMicros ?? 0;
                ModelDue = end.IsError || _callsInTurn > 0;
                break;
            case SessionStatusRunning:
                if (!RunOpen) BeginRun(e);
                _activeSince ??= e.CreatedAt;
                (RunOpen, Waiting, Rescheduled) = (true, false, false);
                break;
            case SessionStatusRescheduled:
                Rescheduled = true;
                break;
            case SessionStatusIdle idle:
                Waiting = idle.StopReason.Type == StopReason.RequiresActionType;
                if (!Waiting) EndRun(e, idle.StopReason.Type);
                else Pause(e.CreatedAt);
                break;
            case SessionStatusTerminated:
                EndRun(e, "terminated");
                break;
            case SessionForked:
                // Nothing of what was under way at the fork point goes on here: that would have its effects twice.
                (OpenRequest, Waiting) = (null, false);
                EndRun();
                _ended.Clear();
                break;
        }
    }

    private void BeginRun(SessionEvent e)
    {
        (OpenRun, ModelDue) = (e.Run, true);
        Principal = e.Run is { } run ? _log.FindLast(said => said.Id.Value == run.Value)?.Principal : null;
        (Said, Steps, Tokens, CostMicros, Repeats, _activeBefore, _activeSince) = (0, 0, 0, 0, 0, TimeSpan.Zero, null);
        _sameCalls.Clear();
    }

    private void Pause(DateTimeOffset at)
    {
        WaitingSince = at;
        if (_activeSince is { } since) _activeBefore += at - since;
        _activeSince = null;
    }

    private void EndRun(SessionEvent e, string reason)
    {
        if (OpenRun is { } run) _ended.Add(new EndedRun(run, reason, e.CreatedAt));
        EndRun();
    }

    private void EndRun()
    {
        (RunOpen, OpenRun, ModelDue, Rescheduled) = (false, null, false, false);
        _openCalls.Clear();
    }

    private void CountRepeats(OpenCall call, AgentToolResult result)
    {
        var same = $"{call.Name}\n{call.Input.GetRawText()}\n{string.Join('\n', result.Content.Select(static block => block.Text))}";
        var times = _sameCalls[same] = _sameCalls.GetValueOrDefault(same) + 1;
        Repeats = Math.Max(Repeats, times);
    }

    private static CallStanding Standing(string permission) => permission switch
    {
        AgentToolUse.Allow => CallStanding.Allowed,
        AgentToolUse.Ask => CallStanding.AwaitsConfirmation,
        _ => CallStanding.Denied,
    };
}
