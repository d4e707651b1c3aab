using System.Globalization;
using System.Text.Json;

namespace Insula.Server.Tests.ManagedAgents;

/// <summary>One frame of a stream; a comment has no type.</summary>
internal sealed record ReadFrame(string? Type, long? Seq, string Data)
{
    public JsonElement Json => JsonElement.Parse(Data);
}

/// <summary>Reads server-sent events as the standard says, from a stream that a test opened.</summary>
internal sealed class EventReader : IDisposable
{
    private readonly HttpResponseMessage _answer;
    private readonly StreamReader _lines;

    private EventReader(HttpResponseMessage answer, StreamReader lines)
    {
        _answer = answer;
        _lines = lines;
    }

    public HttpResponseMessage Answer => _answer;

    public static async Task<EventReader> OpenAsync(HttpClient client, string session, long? after, CancellationToken ct, string query = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/sessions/{session}/events/stream{query}");
        if (after is { } seq) request.Headers.Add("Last-Event-ID", seq.ToString(CultureInfo.InvariantCulture));
        var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        Assert.True(answer.IsSuccessStatusCode, answer.StatusCode.ToString());
        return new EventReader(answer, new StreamReader(await answer.Content.ReadAsStreamAsync(ct)));
    }

    /// <summary>The next frame, or null when the stream ended.</summary>
    public async Task<ReadFrame?> NextAsync(CancellationToken ct)
    {
        var frame = new ReadFrame(null, null, "");
        while (await _lines.ReadLineAsync(ct) is { } line)
        {
            if (line.Length == 0) return frame;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var value = line[(colon + 1)..].Trim();
            frame = line[..colon] switch
            {
                "event" => frame with { Type = value },
                "id" => frame with { Seq = long.Parse(value, CultureInfo.InvariantCulture) },
                "data" => frame with { Data = value },
                _ => frame with { Data = line },
            };
        }

        return null;
    }

    /// <summary>Frames up to and with the first of this type.</summary>
    public async Task<List<ReadFrame>> UntilAsync(string type, CancellationToken ct)
    {
        var frames = new List<ReadFrame>();
        while (await NextAsync(ct) is { } frame)
        {
            frames.Add(frame);
            if (string.Equals(frame.Type, type, StringComparison.Ordinal)) return frames;
        }

        throw new InvalidOperationException($"The stream ended without {type}, after: {string.Join(", ", frames.Select(frame => frame.Type ?? frame.Data))}");
    }

    public void Dispose()
    {
        _lines.Dispose();
        _answer.Dispose();
    }
}
