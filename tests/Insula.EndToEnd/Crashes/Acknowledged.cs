using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Insula.TestKit.Processes;

namespace Insula.EndToEnd.Crashes;

/// <summary>
/// What clients were told is stored. Every message that was ever sent has a marker of its own, whether or not an answer
/// came: one that stands in the logs twice was doubled by the server.
/// </summary>
internal sealed class Acknowledged
{
    private readonly ConcurrentDictionary<string, string> _markers = new();
    private int _sent;

    public int Count => _markers.Count;

    public int Sent => Volatile.Read(ref _sent);

    /// <summary>A message that nobody sent before: a thought, a tool, a short wait and an answer.</summary>
    public (string Marker, object Body) Next()
    {
        var marker = $"marker-{Interlocked.Increment(ref _sent)}";
        var text = $"!text thinking about {marker}\n!tool knowledge_search {{\"query\": \"{marker}\"}}\n!sleep 3\n!text done with {marker}";
        return (marker, new { events = new[] { new { type = "user.message", content = new[] { new { type = "text", text } } } } });
    }

    /// <summary>The answer to the message with this marker says that it is stored.</summary>
    public void Add(string marker, JsonObject answer) => Assert.True(_markers.TryAdd(answer["data"]![0]!["id"]!.GetValue<string>(), marker));

    /// <summary>Compares with whole logs: what was acknowledged is there, and nothing is there twice. A line that says how many.</summary>
    public string AssertKeptIn(IReadOnlyList<StreamedEvent> logs)
    {
        var present = logs.Where(static e => e.Type == "user.message").ToList();
        Assert.Equal(present.Count, present.Select(static e => e.Data["id"]!.GetValue<string>()).Distinct().Count());
        Assert.Equal(present.Count, present.Select(MarkerOf).Distinct().Count());
        var ids = present.ToDictionary(static e => e.Data["id"]!.GetValue<string>(), MarkerOf);
        Assert.DoesNotContain(_markers, a => !ids.TryGetValue(a.Key, out var marker) || marker != a.Value);
        return $"{Sent} sent, {Count} acknowledged, {present.Count} in the logs, {logs.Count} events, {logs.Count(static e => e.Type == "agent.message")} answers";
    }

    private static string MarkerOf(StreamedEvent message)
    {
        var text = message.Data["content"]![0]!["text"]!.GetValue<string>();
        var line = text[..text.IndexOf('\n', StringComparison.Ordinal)];
        return line[(line.LastIndexOf(' ') + 1)..];
    }
}
