using System.Text.Json;
using Insula.Agents;
using Insula.Agents.Events;
using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.TestKit;

namespace Insula.Storage.Tests.Contracts;

/// <summary>Writes a session's log as a client and a worker do, by steps that may come in any order: one that makes no sense now is passed over.</summary>
internal sealed class RandomLog(ITenantStore store, Id<Session> session, DateTimeOffset start)
{
    public const int Say = 0;
    public const int Begin = 1;
    public const int Take = 2;
    public const int Ask = 3;
    public const int Answer = 4;
    public const int CallTool = 5;
    public const int Settle = 6;
    public const int Interrupt = 7;
    public const int End = 8;

    private static readonly CancellationToken Ct = TestContext.Current.CancellationToken;

    private readonly List<Id<SessionEvent>> _input = [];
    private readonly List<Id<SessionEvent>> _calls = [];
    private Run? _run;
    private Id<SessionEvent>? _request;
    private long _epoch;
    private DateTimeOffset _now = start;

    public Id<Session> Session { get; } = session;

    public async Task DoAsync(IReadOnlyList<int> steps)
    {
        foreach (var step in steps) await DoAsync(step);
    }

    private Task DoAsync(int step) => step switch
    {
        Say => InputAsync(new UserMessage([ContentBlock.OfText("hello")])),
        Interrupt => InputAsync(new UserInterrupt()),
        Begin when _run is null && _input.Count > 0 => BeginAsync(),
        Take when _run is not null && _input.Count > 0 => AppendAsync(new AgentThinking()),
        Ask when _run is not null && _request is null && _calls.Count == 0 => AppendAsync(new SpanModelRequestStart()),
        Answer when _request is { } request => AppendAsync(new AgentMessage([ContentBlock.OfText("hi")]), new SpanModelRequestEnd(request, IsError: false, new(1, 2, 0, 0))),
        CallTool when _request is { } request => AppendAsync(
            new AgentToolUse("t", JsonElement.Parse("{}"), AgentToolUse.Allow), new AgentToolUse("u", JsonElement.Parse("{}"), AgentToolUse.Ask), new SpanModelRequestEnd(request, IsError: false, new(1, 2, 0, 0))),
        Settle when _calls.Count > 0 => AppendAsync(new AgentToolResult(_calls[0], [ContentBlock.OfText("done")], IsError: false)),
        End when _run is not null && _request is null && _calls.Count == 0 => AppendAsync(new SessionStatusIdle(StopReason.EndTurn)),
        _ => Task.CompletedTask,
    };

    private async Task InputAsync(InputBody body)
    {
        var appended = await store.Sessions.AppendInputAsync(Session, [new(body)], static _ => null, _now = _now.AddSeconds(1), Ct);
        _input.Add(appended!.Value.Value[0].Id);
    }

    private async Task BeginAsync()
    {
        _epoch = (await store.Sessions.ClaimAsync(Session, Ct))!.Epoch;
        _run = new Run(Id<Run>.New(), Session, RunStatus.Running, null, 0, _now, _now, null);
        await AppendAsync(new SessionStatusRunning());
    }

    private async Task AppendAsync(params EventBody[] bodies)
    {
        var events = bodies.Select(static body => new NewEvent(body)).ToList();
        var takes = bodies[0] is SessionStatusRunning or AgentThinking or SessionStatusIdle;
        var ends = bodies[0] is SessionStatusIdle;
        var run = ends ? _run! with { Status = RunStatus.Ended, EndedAt = _now } : _run!;
        await store.Sessions.AppendAsync(
            new RunAppend(Session, _epoch, run, events, takes ? [.. _input] : [], run.Id, [], ends ? SessionStatus.Idle : SessionStatus.Running, 0, _now = _now.AddSeconds(1)), Ct);
        if (takes) _input.Clear();
        foreach (var e in events)
        {
            if (e.Body is SpanModelRequestStart) _request = e.Id;
            if (e.Body is SpanModelRequestEnd) _request = null;
            if (e.Body is AgentToolUse) _calls.Add(e.Id);
            if (e.Body is AgentToolResult) _calls.RemoveAt(0);
        }

        _run = ends ? null : _run;
    }
}
