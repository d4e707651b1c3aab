using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Insula.TestKit.Processes;

/// <summary>One event as it came over a session's stream; <paramref name="Seq"/> is null for previews.</summary>
public sealed record StreamedEvent(long? Seq, string Type, JsonObject Data);

/// <summary>Reads a session's server-sent events.</summary>
public static class EventStream
{
    /// <summary>Everything after <paramref name="after"/> (0: from the beginning), until the stream or the token ends.</summary>
    public static async IAsyncEnumerable<StreamedEvent> WatchAsync(
        this HttpClient client, string session, long? after, [EnumeratorCancellation] CancellationToken ct, string query = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/sessions/{session}/events/stream{query}");
        if (after is { } seq) request.Headers.Add("Last-Event-ID", seq.ToString());
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync(ct);
        await foreach (var item in SseParser.Create(body).EnumerateAsync(ct))
        {
            yield return new StreamedEvent(
                long.TryParse(item.EventId, out var id) ? id : null, item.EventType, JsonNode.Parse(item.Data)!.AsObject());
        }
    }
}
