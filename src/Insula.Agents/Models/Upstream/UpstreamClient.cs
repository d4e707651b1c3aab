using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Insula.Agents.Models.Upstream;

/// <summary>
/// HTTP to one model server. No call retries, none waits without a limit, and each failure is a
/// <see cref="ModelException"/>. Redirects are not followed, because they would carry the key to another host.
/// </summary>
internal sealed class UpstreamClient : IDisposable
{
    private static readonly UpstreamLimits ListLimits = new()
    {
        FirstByte = TimeSpan.FromSeconds(5),
        Idle = TimeSpan.FromSeconds(5),
        Turn = TimeSpan.FromSeconds(5),
        ResponseBytesMax = 4 * 1024 * 1024,
    };

    private readonly string _provider;
    private readonly Uri _baseUrl;
    private readonly UpstreamLimits _limits;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    /// <param name="authorize">Puts the key, if there is one, into the headers of every call.</param>
    public UpstreamClient(string provider, Uri baseUrl, ModelServer server, Action<HttpRequestHeaders> authorize, TimeProvider time)
    {
        (_provider, _baseUrl, _limits, _time) = (provider, baseUrl, server.Limits, time);
        Errors = new ErrorAnswer(provider, baseUrl, server.ApiKey, time);
        _http = new HttpClient(Handler(server.Limits), disposeHandler: true) { Timeout = Timeout.InfiniteTimeSpan };
        authorize(_http.DefaultRequestHeaders);
    }

    public ErrorAnswer Errors { get; }

    /// <summary>Sends a JSON body and gives the answer as soon as its head is there. Throws <see cref="ModelException"/> for an error status.</summary>
    public async Task<UpstreamAnswer> PostAsync(string path, ReadOnlyMemory<byte> json, string? idempotencyKey, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, At(path));
        request.Content = new ReadOnlyMemoryContent(json);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);
        return await SendAsync(request, _limits, ct);
    }

    /// <summary>A small JSON answer; null when the server cannot be asked, or answers something else.</summary>
    public async Task<T?> FindAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct)
        where T : class
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, At(path));
        try
        {
            using var answer = await SendAsync(request, ListLimits, ct);
            return await JsonSerializer.DeserializeAsync(answer.Body, type, ct);
        }
        catch (Exception error) when (error is ModelException or JsonException)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();

    private static SocketsHttpHandler Handler(UpstreamLimits limits) => new()
    {
        ConnectTimeout = limits.Connect,
        AllowAutoRedirect = false,
        UseCookies = false,
        // Connections are renewed so that a changed address of the server is noticed.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        // An answer that is no longer wanted is not read to its end: the server must see the connection close.
        ResponseDrainTimeout = TimeSpan.Zero,
        MaxResponseDrainSize = 0,
    };

    private Uri At(string path) => new($"{_baseUrl.AbsoluteUri.TrimEnd('/')}/{path}");

    private async Task<UpstreamAnswer> SendAsync(HttpRequestMessage request, UpstreamLimits limits, CancellationToken ct)
    {
        var deadline = new CallDeadline(_provider, limits.Turn, _time, ct);
        HttpResponseMessage? response = null;
        try
        {
            deadline.Arm(limits.FirstByte);
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
            deadline.Rest();
            var body = new GuardedBody(await response.Content.ReadAsStreamAsync(ct), _provider, limits, deadline);
            if (!response.IsSuccessStatusCode) throw await Errors.ReadAsync(response, body, ct);
            return new UpstreamAnswer(_provider, response, body, deadline);
        }
        catch (Exception error)
        {
            var failure = error is HttpRequestException or OperationCanceledException ? deadline.Explain(error) : error;
            response?.Dispose();
            deadline.Dispose();
            throw failure;
        }
    }
}
