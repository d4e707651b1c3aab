using System.Text.RegularExpressions;

namespace Insula.Server.Tests.Isolation;

/// <summary>An answer as bytes on the wire, but for the request's id, the date and the caller's own rate.</summary>
public sealed partial record Answer(int Status, string Head, string Body)
{
    private static readonly HashSet<string> Volatile = new(StringComparer.OrdinalIgnoreCase)
    {
        "Date", "request-id", "x-request-id", "RateLimit", "RateLimit-Policy", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset",
    };

    public static async Task<Answer> ReadAsync(HttpResponseMessage response, CancellationToken ct)
    {
        var headers = response.Headers.Concat(response.Content.Headers)
            .Select(static header => Volatile.Contains(header.Key) ? header.Key : $"{header.Key}: {string.Join(", ", header.Value)}")
            .Order(StringComparer.Ordinal);
        // A stream has no end: its head is the answer.
        var isStream = response.Content.Headers.ContentType?.MediaType == "text/event-stream";
        var body = isStream ? "(stream)" : await response.Content.ReadAsStringAsync(ct);
        return new Answer((int)response.StatusCode, string.Join('\n', headers), RequestId().Replace(body, "req_"));
    }

    [GeneratedRegex("req_[0-9A-Za-z]{22}", RegexOptions.None, 1000)]
    private static partial Regex RequestId();
}
