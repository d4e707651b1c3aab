namespace Insula.Tenancy.Prices;

/// <summary>What is paid for. Input counts what was neither read from nor written to a cache; output contains the reasoning.</summary>
/// <param name="Reasoning">How much of the output was reasoning, where the provider says so.</param>
/// <param name="Units">Of a good that is no model: calls, seconds, GB-days.</param>
public readonly record struct Quantities(
    long Input = 0, long Output = 0, long CacheRead = 0, long CacheWrite = 0, long Reasoning = 0, long Requests = 0, long Units = 0);
