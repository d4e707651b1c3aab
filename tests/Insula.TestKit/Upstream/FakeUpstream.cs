using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Insula.Agents.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Insula.TestKit.Upstream;

/// <summary>
/// A model server on a real port that speaks OpenAI Chat Completions, Anthropic Messages and Ollama chat, streamed and
/// whole. Replies are planned beforehand and sent in order; with none left it sends <see cref="Otherwise"/>. It keeps
/// every request, counts the tokens it reported, and sees clients leave. It never waits but for a signal of the test.
/// </summary>
public sealed class FakeUpstream : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<UpstreamReply> _planned = new();
    private readonly ConcurrentQueue<UpstreamRequest> _requests = new();
    private readonly Channel<UpstreamRequest> _arrivals = Channel.CreateBounded<UpstreamRequest>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly ConcurrentDictionary<string, bool> _keys = new();
    private readonly Lock _sync = new();
    private TokenUsage _reported;

    private FakeUpstream(WebApplication app) => _app = app;

    /// <summary>The server's root. OpenAI's base address is <see cref="OpenAIUrl"/>.</summary>
    public Uri Url => new(_app.Urls.Single());

    public Uri OpenAIUrl => new(Url, "v1");

    /// <summary>The reply to a request when no planned one is left.</summary>
    public UpstreamReply Otherwise { get; set; } = UpstreamReply.Says("ok");

    /// <summary>Whether a request that is repeated with its Idempotency-Key counts once, as with a provider that honours the key.</summary>
    public bool HonoursKeys { get; set; }

    /// <summary>Requests that came with a key seen before.</summary>
    public int Repeated { get; private set; }

    public IReadOnlyList<string> Models { get; set; } = ["fake-small", "fake-large"];

    /// <summary>Calls taken so far, oldest first.</summary>
    public IReadOnlyList<UpstreamRequest> Requests => [.. _requests];

    /// <summary>Tokens of all answers whose last bytes were on their way.</summary>
    public TokenUsage Reported
    {
        get
        {
            lock (_sync) return _reported;
        }
    }

    public static async Task<FakeUpstream> StartAsync(CancellationToken ct)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var upstream = new FakeUpstream(builder.Build());
        upstream._app.Run(upstream.AnswerAsync);
        await upstream._app.StartAsync(ct);
        return upstream;
    }

    public void Plan(params ReadOnlySpan<UpstreamReply> replies)
    {
        foreach (var reply in replies) _planned.Enqueue(reply);
    }

    /// <summary>The next call in order of arrival, as soon as it is there; each is given once.</summary>
    public ValueTask<UpstreamRequest> NextRequestAsync(CancellationToken ct) => _arrivals.Reader.ReadAsync(ct);

    public async ValueTask DisposeAsync()
    {
        // Held answers would make a gentle stop wait for them.
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var request = await TakeAsync(http);
        try
        {
            if (HttpMethods.IsGet(http.Request.Method)) await AnswerModelsAsync(http);
            else if (WireOf(http) is { } wire) await AnswerChatAsync(http, wire, request);
            else http.Response.StatusCode = StatusCodes.Status404NotFound;
        }
        catch (Exception error) when (error is OperationCanceledException or IOException && http.RequestAborted.IsCancellationRequested)
        {
            request.MarkLeft();
        }
    }

    private async Task<UpstreamRequest> TakeAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var json = body.Length == 0 ? default : JsonDocument.Parse(body.ToArray()).RootElement;
        var headers = http.Request.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString());
        var request = new UpstreamRequest(http.Request.Method, http.Request.Path, headers, json);
        _requests.Enqueue(request);
        _arrivals.Writer.TryWrite(request);
        return request;
    }

    private static UpstreamWire? WireOf(HttpContext http) => http.Request.Path.Value switch
    {
        { } path when path.EndsWith("/chat/completions", StringComparison.Ordinal) => new OpenAIWire(),
        { } path when path.EndsWith("/v1/messages", StringComparison.Ordinal) => new AnthropicWire(),
        { } path when path.EndsWith("/api/chat", StringComparison.Ordinal) => new OllamaWire(),
        _ => null,
    };

    private Task AnswerModelsAsync(HttpContext http)
    {
        UpstreamWire wire = http.Request.Path.Value!.EndsWith("/api/tags", StringComparison.Ordinal) ? new OllamaWire()
            : http.Request.Headers.ContainsKey("anthropic-version") ? new AnthropicWire()
            : new OpenAIWire();
        return WriteJsonAsync(http, wire.Models(Models).ToJsonString());
    }

    private async Task AnswerChatAsync(HttpContext http, UpstreamWire wire, UpstreamRequest request)
    {
        var reply = _planned.TryDequeue(out var planned) ? planned : Otherwise;
        if (reply.BeforeHead is { } signal) await signal.WaitAsync(http.RequestAborted);
        foreach (var (name, value) in reply.Headers) http.Response.Headers[name] = value;
        http.Response.StatusCode = reply.Status;
        if (reply.Status != StatusCodes.Status200OK)
        {
            await WriteJsonAsync(http, reply.Body ?? wire.Error(reply.ErrorMessage, "planted_error").ToJsonString());
            return;
        }

        var streams = !request.Body.TryGetProperty("stream", out var stream) ? wire is OllamaWire : stream.GetBoolean();
        http.Response.ContentType = reply.MediaType ?? (streams ? wire.StreamMediaType : "application/json");
        var frames = reply.Body is { } body ? [body] : streams ? wire.Frames(reply) : [wire.Whole(reply).ToJsonString()];
        await SendAsync(http, request, reply, [.. frames]);
    }

    private async Task SendAsync(HttpContext http, UpstreamRequest request, UpstreamReply reply, IReadOnlyList<string> frames)
    {
        var sent = 0;
        foreach (var (index, frame) in frames.Index())
        {
            if (reply.BeforeFrame is { } signal) await signal(index).WaitAsync(http.RequestAborted);
            var bytes = Encoding.UTF8.GetBytes(frame);

            // Before its last bytes: a client that has the whole answer must find it counted.
            if (index == frames.Count - 1 && !(reply.CutAtByte < sent + bytes.Length)) Count(request, reply);
            foreach (var piece in bytes.Chunk(reply.BytesPerWrite ?? Math.Max(1, bytes.Length)))
            {
                var allowed = Math.Min(piece.Length, (reply.CutAtByte ?? int.MaxValue) - sent);
                await http.Response.Body.WriteAsync(piece.AsMemory(0, allowed), http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
                sent += allowed;
                if (allowed == piece.Length) continue;
                if (!reply.CutInGoodOrder) http.Abort();
                return;
            }
        }
    }

    private static Task WriteJsonAsync(HttpContext http, string json)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json, http.RequestAborted);
    }

    private void Count(UpstreamRequest request, UpstreamReply reply)
    {
        if (HonoursKeys && request.Headers.TryGetValue("idempotency-key", out var key) && !_keys.TryAdd(key, true))
        {
            lock (_sync) Repeated++;
            return;
        }

        lock (_sync) _reported += new TokenUsage(reply.InputTokens, reply.OutputTokens, reply.CacheReadTokens, reply.CacheWriteTokens);
    }
}
