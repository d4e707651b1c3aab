namespace Insula.TestKit.Upstream;

/// <summary>Why the fake model stops, translated into each protocol's own word.</summary>
public enum UpstreamStop
{
    Done,
    OutOfTokens,
    Refusal,
}

/// <param name="Arguments">JSON text, sent as it is: it need not be JSON.</param>
public sealed record UpstreamToolCall(string Id, string Name, string Arguments);

/// <summary>
/// One answer of the fake model server, in terms of no protocol, with the faults to plant in it. Frames are what a stream
/// sends at a time: an SSE event, or a line of JSON.
/// </summary>
public sealed record UpstreamReply
{
    /// <summary>Text as it is streamed, a frame each.</summary>
    public IReadOnlyList<string> Text { get; init; } = [];

    public IReadOnlyList<UpstreamToolCall> Tools { get; init; } = [];

    /// <summary>Whether it thinks, in two frames, before it answers.</summary>
    public bool Thinks { get; init; }

    public UpstreamStop Stop { get; init; } = UpstreamStop.Done;

    /// <summary>Tokens outside any cache.</summary>
    public long InputTokens { get; init; } = 7;

    public long OutputTokens { get; init; } = 11;

    public long CacheReadTokens { get; init; }

    public long CacheWriteTokens { get; init; }

    /// <summary>An error status ends it there, with <see cref="ErrorMessage"/> in the protocol's error body.</summary>
    public int Status { get; init; } = 200;

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public string ErrorMessage { get; init; } = "planted error";

    /// <summary>An error of this type takes the place of the stream's end.</summary>
    public string? ErrorEvent { get; init; }

    public bool WithoutUsage { get; init; }

    /// <summary>Whether the stream ends in good order, but without the frames that close the turn.</summary>
    public bool WithoutEnd { get; init; }

    /// <summary>Sent in place of what the protocol would send.</summary>
    public string? Body { get; init; }

    public string? MediaType { get; init; }

    /// <summary>Awaited before the head of the answer is sent.</summary>
    public Task? BeforeHead { get; init; }

    /// <summary>Awaited before each frame; gets its index.</summary>
    public Func<int, Task>? BeforeFrame { get; init; }

    /// <summary>Bytes per write, for a slow drip; null sends a frame at once.</summary>
    public int? BytesPerWrite { get; init; }

    /// <summary>Bytes after which the answer stops.</summary>
    public int? CutAtByte { get; init; }

    /// <summary>Whether the cut looks like a proper end of the body, rather than a lost connection.</summary>
    public bool CutInGoodOrder { get; init; }

    public static UpstreamReply Says(params IReadOnlyList<string> text) => new() { Text = text };

    public static UpstreamReply Calls(string tool, string arguments) => new() { Tools = [new UpstreamToolCall("toolu_1", tool, arguments)] };

    public static UpstreamReply Fails(int status) => new() { Status = status };
}
