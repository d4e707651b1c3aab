using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Insula.Server.Commands.Output;

namespace Insula.Server.Commands.Client;

/// <summary>One frame of a session's stream.</summary>
/// <param name="Seq">The event's number in the log; null for a preview.</param>
internal sealed record SessionFrame(string Type, string? Seq, JsonElement Data)
{
    public string Id => Data.TextAt("id");
}

/// <summary>
/// A session's events as they come. A broken connection is opened again after the last event seen, so the caller gets
/// every logged event once, in order; previews of text are lost with the connection, and the whole event follows.
/// </summary>
internal sealed class SessionStream : IAsyncDisposable
{
    private const int AttemptsMax = 8;
    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(5);

    private readonly ApiClient _api;
    private readonly string _path;
    private HttpResponseMessage? _response;
    private string _lastEventId;

    private SessionStream(ApiClient api, string path, string lastEventId)
    {
        _api = api;
        _path = path;
        _lastEventId = lastEventId;
    }

    /// <summary>Ends when the stream is open: what is sent to the session after that is seen in full.</summary>
    /// <param name="after">The number of the last event not to be sent; 0 for all of them.</param>
    public static async Task<SessionStream> OpenAsync(ApiClient api, string session, string after, bool previews, CancellationToken ct)
    {
        var path = $"v1/sessions/{Uri.EscapeDataString(session)}/events/stream{(previews ? "?event_deltas[]=agent.message" : "")}";
        var stream = new SessionStream(api, path, after);
        stream._response = await api.OpenAsync(path, after, ct);
        return stream;
    }

    public async IAsyncEnumerable<SessionFrame> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var failures = 0;
        while (true)
        {
            if (failures > AttemptsMax) throw new CommandException(ExitCode.Unreachable, $"The connection to {_api.Address.Authority} breaks off again and again.", "The session goes on without it: look with 'insula session tail'.");
            _response ??= await ReopenAsync(failures, ct);
            if (_response is null)
            {
                failures++;
                continue;
            }

            await using var body = new IdleLimitStream(await _response.Content.ReadAsStreamAsync(ct), IdleLimit, _api.Time);
            await using var frames = SseParser.Create(body).EnumerateAsync(ct).GetAsyncEnumerator(ct);
            while (await NextAsync(frames) is { } frame)
            {
                failures = 0;
                yield return frame;
                if (frame.Type == "session.deleted") yield break;
            }

            _response.Dispose();
            _response = null;
            failures++;
        }
    }

    public ValueTask DisposeAsync()
    {
        _response?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The next frame, or null when the connection is done.</summary>
    private async Task<SessionFrame?> NextAsync(IAsyncEnumerator<SseItem<string>> frames)
    {
        try
        {
            if (!await frames.MoveNextAsync()) return null;
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            return null;
        }

        var item = frames.Current;
        var data = JsonSerializer.Deserialize<JsonElement>(item.Data);
        if (item.EventType == "error") throw new ApiException(Problem.Of(StatusOf(data.TextAt("error.type")), null, null, item.Data), retryAfter: null);
        if (item.EventId is { Length: > 0 } seq) _lastEventId = seq;
        return new SessionFrame(item.EventType, item.EventId, data);
    }

    private async Task<HttpResponseMessage?> ReopenAsync(int failures, CancellationToken ct)
    {
        var wait = TimeSpan.FromMilliseconds(Math.Min(WaitMax.TotalMilliseconds, 100 * Math.Pow(2, failures)));
        await Task.Delay(wait, _api.Time, ct);
        try
        {
            return await _api.OpenAsync(_path, _lastEventId, ct);
        }
        catch (CommandException error) when (error.ExitCode is ExitCode.Unreachable or ExitCode.OverLimit && failures < AttemptsMax)
        {
            return null;
        }
    }

    private static int StatusOf(string errorType) => errorType switch
    {
        "authentication_error" => 401,
        "permission_error" => 403,
        "not_found_error" => 404,
        "rate_limit_error" => 429,
        "overloaded_error" => 503,
        _ => 500,
    };
}
