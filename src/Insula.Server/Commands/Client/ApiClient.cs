using System.Net.Http.Headers;
using System.Text.Json;
using Insula.Server.Commands.Output;
using Insula.Server.Http;

namespace Insula.Server.Commands.Client;

/// <summary>
/// Calls the API with one key. Answers are the API's JSON; a refusal is an <see cref="ApiException"/> with the server's own
/// words, and no answer at all is <see cref="ExitCode.Unreachable"/>. It follows no redirect, because the key must not go
/// to an address that nobody chose.
/// </summary>
internal sealed class ApiClient : IDisposable
{
    private const int PageSize = 100;
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(100);

    private readonly HttpClient _http;

    public ApiClient(Uri address, string? key, TimeProvider time)
    {
        Time = time;
        Address = address;
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(10) };
        _http = new HttpClient(handler) { BaseAddress = new Uri(address.AbsoluteUri.TrimEnd('/') + "/"), Timeout = Timeout.InfiniteTimeSpan };
        if (key is null) return;
        if (key.Any(static c => !char.IsAscii(c) || char.IsControl(c))) throw new CommandException(ExitCode.Usage, "The key has characters that no key has.", "Check --key and INSULA_KEY.");
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public Uri Address { get; }

    public TimeProvider Time { get; }

    public Task<JsonElement> GetAsync(string path, CancellationToken ct) => AnswerAsync(HttpMethod.Get, path, null, ct);

    public Task<JsonElement> PostAsync(string path, object? body, CancellationToken ct) => AnswerAsync(HttpMethod.Post, path, Json(body), ct);

    public Task<JsonElement> PostFormAsync(string path, HttpContent body, CancellationToken ct) => AnswerAsync(HttpMethod.Post, path, body, ct);

    public Task<JsonElement> PatchAsync(string path, object body, CancellationToken ct) => AnswerAsync(HttpMethod.Patch, path, Json(body), ct);

    public Task<JsonElement> PutAsync(string path, object body, CancellationToken ct) => AnswerAsync(HttpMethod.Put, path, Json(body), ct);

    public Task<JsonElement> DeleteAsync(string path, CancellationToken ct) => AnswerAsync(HttpMethod.Delete, path, null, ct);

    /// <summary>The items of a list, page after page, at most <paramref name="max"/>.</summary>
    public async IAsyncEnumerable<JsonElement> ListAsync(string path, int max, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var separator = path.Contains('?') ? '&' : '?';
        string? page = null;
        for (var left = max; left > 0;)
        {
            var cursor = page is null ? "" : $"&page={Uri.EscapeDataString(page)}";
            var answer = await GetAsync($"{path}{separator}limit={Math.Min(left, PageSize)}{cursor}", ct);
            foreach (var item in answer.GetProperty("data").EnumerateArray())
            {
                if (left-- == 0) yield break;
                yield return item;
            }

            page = answer.TextAt("next_page");
            if (page.Length == 0) yield break;
        }
    }

    /// <summary>Opens a response that goes on; the caller reads and disposes it.</summary>
    public async Task<HttpResponseMessage> OpenAsync(string path, string? lastEventId, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (lastEventId is not null) request.Headers.Add("Last-Event-ID", lastEventId);
        return await SendAsync(request, ct);
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The text of an answer that is no JSON.</summary>
    public Task<string> GetTextAsync(string path, CancellationToken ct) => TextAsync(HttpMethod.Get, path, body: null, ct);

    private async Task<JsonElement> AnswerAsync(HttpMethod method, string path, HttpContent? body, CancellationToken ct)
    {
        var text = await TextAsync(method, path, body, ct);
        try
        {
            return text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text);
        }
        catch (JsonException error)
        {
            throw Unreachable($"{Text(Address)} answers, but not as Insula does.", error);
        }
    }

    private async Task<string> TextAsync(HttpMethod method, string path, HttpContent? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        using var limit = new CancellationTokenSource(AnswerMax, Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            using var response = await SendAsync(request, both.Token);
            return await response.Content.ReadAsStringAsync(both.Token);
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw Unreachable($"The server at {Text(Address)} did not answer within {AnswerMax.TotalSeconds:0} s.", error);
        }
        catch (IOException error)
        {
            throw Unreachable($"The connection to {Text(Address)} broke off: {error.Message}", error);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException error)
        {
            throw Unreachable($"No server answers at {Text(Address)}: {error.InnerException?.Message ?? error.Message}.", error);
        }

        if (response.IsSuccessStatusCode) return response;
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync(ct);
            var requestId = response.Headers.TryGetValues("request-id", out var ids) ? ids.First() : null;
            throw new ApiException(Problem.Of((int)response.StatusCode, response.ReasonPhrase, requestId, body), RetryAfterOf(response));
        }
    }

    private static string Text(Uri address) => address.AbsoluteUri.TrimEnd('/');

    private static TimeSpan? RetryAfterOf(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues("x-should-retry", out var should) && should.FirstOrDefault() == "false") return null;
        return response.Headers.RetryAfter?.Delta;
    }

    private static CommandException Unreachable(string message, Exception inner) =>
        new(ExitCode.Unreachable, message, "Start the server with 'insula up', or give the right address with --url.", inner);

    private static JsonContent? Json(object? body) => body is null ? null : JsonContent.Create(body, options: ApiJson.Options);
}
