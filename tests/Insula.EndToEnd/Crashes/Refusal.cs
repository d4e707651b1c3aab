using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;

namespace Insula.EndToEnd.Crashes;

/// <summary>The one answer that a client may get for a while when the database is away.</summary>
internal static class Refusal
{
    /// <summary>503 with the time to come again, in the shape of the route's protocol.</summary>
    public static async Task AssertAwayAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        var text = await answer.Content.ReadAsStringAsync(ct);
        var asked = $"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri!.PathAndQuery}: {(int)answer.StatusCode} {text}";
        Assert.True(answer.StatusCode == HttpStatusCode.ServiceUnavailable, asked);
        Assert.True(answer.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1), asked);
        Assert.Equal("true", answer.Headers.GetValues("x-should-retry").Single());
        Assert.InRange(int.Parse(answer.Headers.GetValues("retry-after-ms").Single(), CultureInfo.InvariantCulture), 1, 60_000);
        var body = JsonNode.Parse(text)!;
        if (body["error"] is { } error) Assert.Equal("overloaded_error", error["type"]!.GetValue<string>());
        else Assert.Contains(body["code"]!.GetValue<string>(), (string[])["store_unavailable", "store_busy"]);
    }
}
