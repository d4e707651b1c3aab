namespace Insula.Agents.Models;

/// <summary>Tokens of one or more model calls. Input counts what was neither read from nor written to a cache.</summary>
public readonly record struct TokenUsage(long Input, long Output, long CacheRead, long CacheWrite)
{
    /// <summary>How much of the output was reasoning, where the provider says so.</summary>
    public long Reasoning { get; init; }

    public static TokenUsage operator +(TokenUsage a, TokenUsage b) =>
        new(a.Input + b.Input, a.Output + b.Output, a.CacheRead + b.CacheRead, a.CacheWrite + b.CacheWrite) { Reasoning = a.Reasoning + b.Reasoning };
}
