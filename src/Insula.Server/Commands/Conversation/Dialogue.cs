using System.Text.Json;
using Insula.Server.Commands.Client;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands.Conversation;

/// <summary>How a prompt came to rest.</summary>
/// <param name="StopReason">The session's own word: <c>end_turn</c>, <c>requires_action</c>, …; <c>terminated</c> or <c>deleted</c> when the session is no more.</param>
/// <param name="Answer">The agent's last message; empty when there was none.</param>
/// <param name="Pending">The events of the calls that wait for an answer.</param>
/// <param name="Error">The last error that the session reported.</param>
internal sealed record Rest(string StopReason, string Answer, IReadOnlyList<JsonElement> Pending, string? Error);

/// <summary>
/// Sends input to a session and follows it to rest. The stream is open before the input is sent, and everything before
/// the input's own event is passed over, so neither an early answer is missed nor an older one taken for this one.
/// </summary>
internal sealed class Dialogue : IAsyncDisposable
{
    private const string Idle = "session.status_idle";

    private readonly ApiClient _api;
    private readonly string _session;
    private readonly DialogueView _view;
    private readonly SessionStream _stream;
    private readonly IAsyncEnumerator<SessionFrame> _frames;
    private readonly Dictionary<string, JsonElement> _calls = [];
    private string _answer = "";
    private string? _error;

    private Dialogue(ApiClient api, string session, DialogueView view, SessionStream stream, CancellationToken ct)
    {
        _api = api;
        _session = session;
        _view = view;
        _stream = stream;
        _frames = stream.ReadAsync(ct).GetAsyncEnumerator(ct);
    }

    private string EventsPath => $"v1/sessions/{Uri.EscapeDataString(_session)}/events";

    /// <param name="ct">Ends the dialogue, not the run: see <see cref="InterruptAsync"/>.</param>
    public static async Task<Dialogue> OpenAsync(ApiClient api, string session, DialogueView view, CancellationToken ct) =>
        new(api, session, view, await SessionStream.OpenAsync(api, session, after: "0", view.WantsPreviews, ct), ct);

    /// <summary>Sends events and waits until the session rests; with a call that waits it rests too.</summary>
    public async Task<Rest> SendAsync(object[] events, CancellationToken ct)
    {
        var sent = await _api.PostAsync(EventsPath, new { events }, ct);
        var own = sent.GetProperty("data")[0];
        for (var begun = false; await _frames.MoveNextAsync();)
        {
            var frame = _frames.Current;
            begun |= frame.Id == own.TextAt("id");
            if (!begun || Take(frame) is not { } rest) continue;
            if (frame.Type != Idle || await IsAnsweredAsync(own, frame.Data, ct)) return rest;
            (_answer, _error) = ("", null);
        }

        return new Rest("deleted", _answer, [], "The session was deleted.");
    }

    /// <summary>Asks the session to stop what it does.</summary>
    public async Task InterruptAsync(CancellationToken ct) =>
        await _api.PostAsync(EventsPath, new { events = new[] { new { type = "user.interrupt" } } }, ct);

    public async ValueTask DisposeAsync()
    {
        await _frames.DisposeAsync();
        await _stream.DisposeAsync();
    }

    /// <summary>Whether the input was taken up before the session came to rest: else that was the rest of a run before it, and its own comes next.</summary>
    private async Task<bool> IsAnsweredAsync(JsonElement own, JsonElement idle, CancellationToken ct)
    {
        await foreach (var e in _api.ListAsync($"{EventsPath}?order=desc&types[]={own.TextAt("type")}", int.MaxValue, ct))
        {
            if (e.TextAt("id") != own.TextAt("id")) continue;
            return e.At("processed_at") is { ValueKind: JsonValueKind.String } taken && taken.GetDateTimeOffset() <= idle.GetProperty("processed_at").GetDateTimeOffset();
        }

        return true;
    }

    private Rest? Take(SessionFrame frame)
    {
        switch (frame.Type)
        {
            case "event_delta":
                _view.Delta(frame.Data);
                return null;
            case "agent.message":
                _answer = EventText.Of(frame.Data);
                _view.Message(frame.Id, _answer);
                return null;
            case "agent.tool_use" or "agent.custom_tool_use":
                _calls[frame.Id] = frame.Data;
                _view.ToolUse(frame.Data);
                return null;
            case "agent.tool_result":
                _view.ToolResult(frame.Data);
                return null;
            case "session.error":
                _error = frame.Data.TextAt("error.message");
                _view.Error(frame.Data);
                return null;
            case Idle:
                return new Rest(frame.Data.TextAt("stop_reason.type"), _answer, Pending(frame.Data), _error);
            case "session.status_terminated":
                return new Rest("terminated", _answer, [], _error ?? "The session ended.");
            case "session.deleted":
                return new Rest("deleted", _answer, [], "The session was deleted.");
            default:
                return null;
        }
    }

    private List<JsonElement> Pending(JsonElement idle) =>
        idle.At("stop_reason.event_ids") is { ValueKind: JsonValueKind.Array } ids
            ? [.. ids.EnumerateArray().Select(id => _calls.GetValueOrDefault(id.GetString()!)).Where(static call => call.ValueKind == JsonValueKind.Object)]
            : [];
}
