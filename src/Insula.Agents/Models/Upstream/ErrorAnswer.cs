using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Insula.Tenancy.Access;

namespace Insula.Agents.Models.Upstream;

/// <summary>
/// Reads an answer with an error status. The server's words reach a tenant only for statuses that speak about the request;
/// the others may name the operator's account. What is passed on is cut, on one line, and free of our key and address.
/// </summary>
internal sealed class ErrorAnswer(string provider, Uri baseUrl, Secret? key, TimeProvider time)
{
    private const int SaidCharsMax = 300;
    private const int BodyBytesMax = 64 * 1024;

    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(60);

    public async Task<ModelException> ReadAsync(HttpResponseMessage response, Stream body, CancellationToken ct)
    {
        var status = (int)response.StatusCode;
        var advice = Advice(response.Headers);
        var (message, code) = Words(await FirstBytesAsync(body, ct));
        // A quota that is used up is a 429 at OpenAI, and does not pass by waiting.
        if (code == "insufficient_quota") advice = advice with { ShouldRetry = advice.ShouldRetry ?? false };
        return UpstreamFailure.OfStatus(provider, status, advice, status is 400 or 404 or 413 or 422 && message is not null ? Clean(message) : null);
    }

    /// <summary>The server's words as they may be shown: one line, cut, without our key or address.</summary>
    public string Clean(string message)
    {
        var text = new StringBuilder(message);
        if (key is not null) text.Replace(key.Reveal(), key.ToString());
        text.Replace(baseUrl.Authority, provider).Replace(baseUrl.Host, provider);
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i])) text[i] = ' ';
        }

        var clean = text.ToString().Trim();
        return clean.Length <= SaidCharsMax ? clean : $"{clean[..SaidCharsMax]}…";
    }

    private RetryAdvice Advice(HttpResponseHeaders headers)
    {
        bool? shouldRetry = First(headers, "x-should-retry") switch { "true" => true, "false" => false, _ => null };
        return new RetryAdvice(shouldRetry, After(headers));
    }

    /// <summary>A wait that is no number or date counts as none; one too long or in the past is bent to the nearest sane one.</summary>
    private TimeSpan? After(HttpResponseHeaders headers)
    {
        TimeSpan? asked = double.TryParse(First(headers, "retry-after-ms"), out var ms) && double.IsFinite(ms)
            ? TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, WaitMax.TotalMilliseconds))
            : headers.RetryAfter?.Delta ?? (headers.RetryAfter?.Date - time.GetUtcNow());
        return asked is { } wait ? TimeSpan.FromTicks(Math.Clamp(wait.Ticks, 0, WaitMax.Ticks)) : null;
    }

    private static string? First(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    /// <summary>Nothing when the body is cut: the status stands without it.</summary>
    private static async Task<byte[]> FirstBytesAsync(Stream body, CancellationToken ct)
    {
        var bytes = new byte[BodyBytesMax];
        try
        {
            var count = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
            return bytes[..count];
        }
        catch (ModelException)
        {
            return [];
        }
    }

    /// <summary>Message and code, from <c>{"error":{"message","code"|"type"}}</c> or <c>{"error":"…"}</c>; nulls when the body is neither.</summary>
    private static (string? Message, string? Code) Words(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("error", out var error)) return default;
            return error.ValueKind switch
            {
                JsonValueKind.String => (error.GetString(), null),
                JsonValueKind.Object => (Text(error, "message"), Text(error, "code") ?? Text(error, "type")),
                _ => default,
            };
        }
        catch (JsonException)
        {
            return default;
        }
    }

    private static string? Text(JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
