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

        Assert.Equal(Ids(log, "span.model_request_start", "id"), Ids(log, "span.model_request_end", "model_request_start_id"));
        Assert.Equal(Ids(log, "agent.tool_use", "id"), Ids(log, "agent.tool_result", "tool_use_id"));
        return log;
    }

    /// <summary>The log to the first end of a run: who interrupts again after a crash may come later.</summary>
    public static async Task<List<StreamedEvent>> ToFirstEndAsync(HttpClient client, string session, TimeSpan within, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(within);
        List<StreamedEvent> log = [];
        await foreach (var e in client.WatchAsync(session, after: 0, limit.Token))
        {
            log.Add(e);
            if (e.Type == "session.status_idle") break;
        }

        return log;
    }

    /// <summary>The session's usage is the sum of its model requests: none was lost and none counted twice.</summary>
    public static async Task AssertCountedOnceAsync(HttpClient client, string session, IReadOnlyList<StreamedEvent> log, CancellationToken ct)
    {
        var usage = (await client.GetObjectAsync($"/v1/sessions/{session}", ct))["usage"]!;
        foreach (var tokens in (string[])["input_tokens", "output_tokens"])
        {
            Assert.Equal(log.Where(static e => e.Type == "span.model_request_end").Sum(e => (long)e.Data["model_usage"]![tokens]!), (long)usage[tokens]!);
        }
    }

    /// <summary>The model requests whose worker died: when each began, and when another worker that took the session up closed it.</summary>
    public static IEnumerable<(DateTimeOffset Began, DateTimeOffset Closed)> LostRequests(IReadOnlyList<StreamedEvent> log)
    {
        var began = log.Where(static e => e.Type == "span.model_request_start").ToDictionary(static e => (string)e.Data["id"]!, static e => (DateTimeOffset)e.Data["processed_at"]!);
        return log.Where(static e => e.Type == "span.model_request_end" && (bool)e.Data["is_error"]!)
            .Select(e => (began[(string)e.Data["model_request_start_id"]!], (DateTimeOffset)e.Data["processed_at"]!));
    }

    /// <summary>In order, each once.</summary>
    private static List<string> Ids(List<StreamedEvent> log, string type, string name)
    {
        List<string> ids = [.. log.Where(e => e.Type == type).Select(e => (string)e.Data[name]!).Order(StringComparer.Ordinal)];
        Assert.Equal(ids.Count, ids.Distinct(StringComparer.Ordinal).Count());
        return ids;
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
