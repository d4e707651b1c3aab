using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>Logs read to their end, once everything that was asked for is done.</summary>
internal static class SettledLogs
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The whole log, read until the session is idle with all its input taken up. Numbers have no gap, and what a run began
    /// it ended: each model request, each call of a tool.
    /// </summary>
    public static async Task<List<StreamedEvent>> ReadAsync(HttpClient client, string session, CancellationToken ct)
    {
        var log = new List<StreamedEvent>();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        try
        {
            await foreach (var e in client.WatchAsync(session, after: 0, limit.Token))
            {
                Assert.Equal(log.Count + 1, e.Seq);
                log.Add(e);
                if (e.Type == "session.status_idle" && await IsSettledAsync(client, session, e, ct)) break;
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            Assert.Fail($"{session} is not settled after {Limit}; its last events: {string.Join(", ", log.TakeLast(8).Select(static e => $"{e.Seq} {e.Type}"))}");
        }

        Assert.Equal(log.Count(static e => e.Type == "span.model_request_start"), log.Count(static e => e.Type == "span.model_request_end"));
        Assert.Equal(log.Count(static e => e.Type == "agent.tool_use"), log.Count(static e => e.Type == "agent.tool_result"));
        return log;
    }

    /// <summary>Idle with this event as the newest of the log, and no message that waits for a run.</summary>
    private static async Task<bool> IsSettledAsync(HttpClient client, string session, StreamedEvent last, CancellationToken ct)
    {
        var page = await client.GetObjectAsync($"/v1/sessions/{session}/events?order=desc&limit=1000", ct);
        var newest = page["data"]!.AsArray();
        return newest[0]!["id"]!.GetValue<string>() == last.Data["id"]!.GetValue<string>()
            && !newest.Any(static e => e!["type"]!.GetValue<string>() == "user.message" && e["processed_at"] is null);
    }
}
