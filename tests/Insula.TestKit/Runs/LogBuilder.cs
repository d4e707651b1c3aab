using System.Text.Json;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Tenancy.Identity;

namespace Insula.TestKit.Runs;

/// <summary>Writes a session's log by hand, for tests of what is read from one.</summary>
public sealed class LogBuilder
{
    private readonly List<SessionEvent> _log = [];
    private TimeSpan _passed;

    public Id<Run> Run { get; private set; } = Id<Run>.New();

    public IReadOnlyList<SessionEvent> Log => _log;

    /// <summary>A moment after the newest event.</summary>
    public DateTimeOffset Now => DateTimeOffset.UnixEpoch + _passed;

    /// <summary>Time goes by before the next event.</summary>
    public LogBuilder Passes(TimeSpan time)
    {
        _passed += time;
        return this;
    }

    public static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement.Clone();

    /// <summary>A message that the current run took up, or that stands in the log untaken.</summary>
    public LogBuilder UserSays(string text, bool taken = true) => Input(new UserMessage([ContentBlock.OfText(text)]), taken);

    public LogBuilder Interrupts(bool taken = false) => Input(new UserInterrupt(), taken);

    public LogBuilder Confirms(Id<SessionEvent> call, string result, bool taken = false) => Input(new UserToolConfirmation(call, result, DenyMessage: null), taken);

    public LogBuilder ClientAnswers(Id<SessionEvent> call, string text, bool taken = false) =>
        Input(new UserCustomToolResult(call, [ContentBlock.OfText(text)], IsError: null), taken);

    public LogBuilder Input(InputBody body, bool taken)
    {
        Add(body, taken ? Run : null, taken);
        return this;
    }

    /// <summary>Begins the next run; messages after this belong to it.</summary>
    public LogBuilder NextRun()
    {
        Run = Id<Run>.New();
        return this;
    }

    public LogBuilder Runs() => Does(new SessionStatusRunning());

    public LogBuilder Asks(out Id<SessionEvent> request)
    {
        request = Add(new SpanModelRequestStart(), Run, processed: true).Id;
        return this;
    }

    public LogBuilder Answered(Id<SessionEvent> request, bool isError = false) =>
        Does(new SpanModelRequestEnd(request, isError, new ModelUsage(1, 1, 0, 0)));

    public LogBuilder Says(string text) => Does(new AgentMessage([ContentBlock.OfText(text)]));

    public LogBuilder Calls(string tool, string permission, out Id<SessionEvent> call)
    {
        call = Add(new AgentToolUse(tool, Json("{}"), permission, Evaluation: null), Run, processed: true).Id;
        return this;
    }

    public LogBuilder CallsClient(string tool, out Id<SessionEvent> call)
    {
        call = Add(new AgentCustomToolUse(tool, Json("{}")), Run, processed: true).Id;
        return this;
    }

    public LogBuilder Result(Id<SessionEvent> call, string text) => Does(new AgentToolResult(call, [ContentBlock.OfText(text)], IsError: false));

    public LogBuilder Idles(StopReason reason) => Does(new SessionStatusIdle(reason));

    public LogBuilder Does(EventBody body)
    {
        Add(body, Run, processed: true);
        return this;
    }

    private SessionEvent Add(EventBody body, Id<Run>? run, bool processed)
    {
        var at = Now;
        _passed += TimeSpan.FromSeconds(1);
        var e = new SessionEvent(_log.Count + 1, Id<SessionEvent>.New(), body, at, processed ? at : null, Epoch: 1, run);
        _log.Add(e);
        return e;
    }
}
