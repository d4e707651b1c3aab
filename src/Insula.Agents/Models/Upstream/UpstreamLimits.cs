using Insula.Tenancy.Faults;

namespace Insula.Agents.Models.Upstream;

/// <summary>How long, and for how much, we wait on a model server. Every limit that is passed ends the call as overloaded.</summary>
public sealed record UpstreamLimits
{
    /// <summary>For the connection, TLS included; default 10 s. Too short fails on slow networks, too long delays the retry.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the connection to the head of the answer; default 60 s, 5 min for Ollama, which loads the model first.</summary>
    public TimeSpan FirstByte { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Between two reads of an answer; default 60 s. Too short cuts models that think in silence.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For the whole turn, against an answer that drips for ever; default 30 min.</summary>
    public TimeSpan Turn { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Bytes of one answer; default 64 MiB. It bounds the memory that a broken server can take.</summary>
    public long ResponseBytesMax { get; init; } = 64 * 1024 * 1024;

    internal Fault? Check(string provider)
    {
        var shortest = new[] { Connect, FirstByte, Idle, Turn }.Min();
        return shortest <= TimeSpan.Zero || ResponseBytesMax <= 0 || Turn < FirstByte || Turn < Idle
            ? Fault.Invalid($"{provider}_limits", $"The limits of {provider} must be above zero, and that of the turn the longest.")
            : null;
    }
}
