using System.Text.Json;
using Insula.Agents.Events;
using Insula.Agents.Models;
using Insula.Agents.Serialization;
using Insula.Tenancy.Identity;

namespace Insula.Agents.Runs;

/// <summary>
/// The model's view of a log. Input stands where a run took it up, not where it was appended: a message sent while the
/// agent was answering comes after that answer. Every tool call is answered, since providers refuse one that is not.
/// Where the log is a fork's, what no run had taken up at the fork point stands there, and a run that was under way there
/// ends there.
/// </summary>
internal sealed class Conversation
{
    private readonly List<(ModelRole Role, List<ModelContent> Content)> _turns = [];
    private readonly List<string> _guidance = [];
    private readonly HashSet<Id<SessionEvent>> _unanswered = [];

    /// <summary>How many events of the log it was made of.</summary>
    private int _read;

    /// <summary>The run whose next step comes at the end; null when that would come before something.</summary>
    private Id<Run>? _last;

    /// <summary>Turns that somebody was given: what is added to such a one goes into a copy.</summary>
    private int _given;

    private Conversation()
    {
    }

    public static Conversation Of(IReadOnlyList<SessionEvent> log)
    {
        var conversation = new Conversation { _read = log.Count };
        foreach (var (_, events, isRun) in RunsOf(log).Concat(LeftByForks(log)).OrderBy(static part => part.At))
        {
            if (isRun)
            {
                conversation.AddRun(events);
                continue;
            }

            foreach (var e in events) conversation.AddMessage(e);
            conversation._last = null;
        }

        return conversation;
    }

    /// <summary>
    /// The conversation of <paramref name="log"/>, the log that this one is of and what was appended to it: the same as of
    /// the whole log, for the cost of what is new where that is steps of the last run. This one is not to be used again.
    /// </summary>
    public Conversation Grow(IReadOnlyList<SessionEvent> log)
    {
        for (var i = _read; i < log.Count; i++)
        {
            if (_last is not { } run || log[i].Run != run || log[i].Body is InputBody or SessionRunRolledBack or SessionForked) return Of(log);
        }

        for (; _read < log.Count; _read++) AddStep(log[_read]);
        return _unanswered.Count == 0 ? this : Of(log);
    }

    /// <param name="system">The agent's own system prompt; the guidance sent during the session comes after it. Null when there is none.</param>
    public (string? System, IReadOnlyList<ModelMessage> Messages) For(string? system)
    {
        _given = _turns.Count;
        var prompt = system is null ? _guidance : [system, .. _guidance];
        return (prompt.Count == 0 ? null : string.Join("\n\n", prompt), [.. _turns.Select(static t => new ModelMessage(t.Role, t.Content))]);
    }

    /// <summary>What each run said and was told, in order of its numbers; a run that was rolled back is left out. In one pass: logs are long.</summary>
    private static IEnumerable<Part> RunsOf(IReadOnlyList<SessionEvent> log)
    {
        var runs = new Dictionary<Id<Run>, List<SessionEvent>>();
        HashSet<Id<Run>> rolledBack = [];
        foreach (var e in Settled(log))
        {
            if (e.Body is SessionRunRolledBack gone) rolledBack.Add(gone.RunId);
            if (e.Run is not { } run) continue;
            if (!runs.TryGetValue(run, out var events)) runs[run] = events = [];
            events.Add(e);
        }

        foreach (var (run, events) in runs)
        {
            if (rolledBack.Contains(run)) continue;
            events.Sort(static (a, b) => a.Seq.CompareTo(b.Seq));
            yield return new Part(FirstOwnSeq(events), events, IsRun: true);
        }
    }

    /// <summary>Of a run whose events are in order.</summary>
    private static long FirstOwnSeq(List<SessionEvent> run) => run.Find(static e => e.Body is not InputBody)?.Seq ?? long.MaxValue;

    /// <summary>The log with each result that a client sent before a fork point, and no run took up there, in the run that asked for it.</summary>
    private static IEnumerable<SessionEvent> Settled(IReadOnlyList<SessionEvent> log)
    {
        if (log.LastOrDefault(static e => e.Body is SessionForked) is not { } fork) return log;
        var calls = log.Where(e => e.Body is AgentCustomToolUse).ToDictionary(e => e.Id, e => e.Run);
        return log.Select(e => e is { Run: null, Body: UserCustomToolResult result } && e.Seq < fork.Seq ? e with { Run = calls.GetValueOrDefault(result.CustomToolUseId) } : e);
    }

    /// <summary>The messages that stood at each fork point without a run, but for those that an interrupt had settled.</summary>
    private static IEnumerable<Part> LeftByForks(IReadOnlyList<SessionEvent> log)
    {
        var after = 0L;
        foreach (var fork in log.Where(e => e.Body is SessionForked))
        {
            var left = log.Where(e => e.Run is null && e.Body is InputBody && e.Seq > after && e.Seq < fork.Seq).ToList();
            var interrupted = left.FindLastIndex(e => e.Body is UserInterrupt);
            yield return new Part(fork.Seq, [.. left.Where((e, i) => i > interrupted || e.Body is SystemMessage)], IsRun: false);
            after = fork.Seq;
        }
    }

    private void AddRun(List<SessionEvent> run)
    {
        var begin = FirstOwnSeq(run);
        foreach (var e in run.Where(e => e.Seq < begin)) AddMessage(e);
        foreach (var e in run) AddStep(e);
        var why = run.Exists(EndsRun) ? "The call was interrupted; its outcome is unknown." : "The call was not run in this fork of the session; whether it was run elsewhere is unknown here.";
        _last = _unanswered.Count == 0 && begin < long.MaxValue && !run.Exists(e => e.Seq > begin && e.Body is UserMessage or SystemMessage) ? run[0].Run : null;
        foreach (var call in _unanswered) Add(ModelRole.User, new ToolResultContent(call.ToString(), why, IsError: true));
        _unanswered.Clear();
        foreach (var e in run.Where(e => e.Seq > begin)) AddMessage(e);
    }

    private static bool EndsRun(SessionEvent e) =>
        e.Body is SessionStatusTerminated || e.Body is SessionStatusIdle idle && idle.StopReason.Type != StopReason.RequiresActionType;

    private void AddMessage(SessionEvent e)
    {
        switch (e.Body)
        {
            case UserMessage message:
                foreach (var block in message.Content) Add(ModelRole.User, ContentOf(block));
                break;
            case SystemMessage guidance:
                _guidance.AddRange(guidance.Content.Select(b => b.Text).OfType<string>());
                break;
        }
    }

    private void AddStep(SessionEvent e)
    {
        switch (e.Body)
        {
            case AgentMessage message:
                foreach (var block in message.Content) Add(ModelRole.Assistant, ContentOf(block));
                break;
            case AgentToolUse use:
                AddCall(e.Id, use.Name, use.Input);
                break;
            case AgentCustomToolUse use:
                AddCall(e.Id, use.Name, use.Input);
                break;
            case AgentToolResult result:
                AddResult(result.ToolUseId, result.Content, result.IsError);
                break;
            case UserCustomToolResult result:
                AddResult(result.CustomToolUseId, result.Content ?? [], result.IsError ?? false);
                break;
        }
    }

    private void AddCall(Id<SessionEvent> id, string name, JsonElement input)
    {
        _unanswered.Add(id);
        Add(ModelRole.Assistant, new ToolCallContent(id.ToString(), name, input));
    }

    private void AddResult(Id<SessionEvent> call, IReadOnlyList<ContentBlock> content, bool isError)
    {
        if (!_unanswered.Remove(call)) return;
        var text = string.Join('\n', content.Select(b => b.Text ?? JsonSerializer.Serialize(b, AgentsJson.Options)));
        Add(ModelRole.User, new ToolResultContent(call.ToString(), text, isError));
    }

    private void Add(ModelRole role, ModelContent content)
    {
        if (_turns.Count == 0 || _turns[^1].Role != role) _turns.Add((role, []));
        else if (_turns.Count == _given) (_turns[^1], _given) = ((role, [.. _turns[^1].Content]), _given - 1);
        _turns[^1].Content.Add(content);
    }

    private static ModelContent ContentOf(ContentBlock block) => block is { Type: "text", Text: { } text }
        ? new TextContent(text)
        : new RawContent(block.Type, JsonSerializer.SerializeToElement(block, AgentsJson.Options));

    private readonly record struct Part(long At, List<SessionEvent> Events, bool IsRun);
}
