namespace Insula.Tenancy.Prices;

/// <summary>
/// Micro-dollars for a million of each: a token at one dollar per million is one micro-dollar. So the finest price that
/// providers publish is a whole number, and a product of two whole numbers is exact.
/// </summary>
/// <param name="CacheRead">Null: as input.</param>
/// <param name="CacheWrite">Null: as input.</param>
/// <param name="Reasoning">Null: as output.</param>
/// <param name="PerRequest">Micro-dollars for each request, not for a million.</param>
/// <param name="Each">For a million units of a good that is no model.</param>
public sealed record Rates(
    long Input = 0, long Output = 0, long? CacheRead = null, long? CacheWrite = null, long? Reasoning = null, long PerRequest = 0, long Each = 0)
{
    /// <summary>A million dollars for a million tokens: above it a number is a mistake.</summary>
    public const long Max = 1_000_000_000_000;

    public static Rates Free { get; } = new();

    internal long OfCacheRead => CacheRead ?? Input;

    internal long OfCacheWrite => CacheWrite ?? Input;

    internal long OfReasoning => Reasoning ?? Output;

    /// <summary>The dearest way to take in a token.</summary>
    internal long DearestInput => Math.Max(Input, Math.Max(OfCacheRead, OfCacheWrite));

    internal long DearestOutput => Math.Max(Output, OfReasoning);
}
