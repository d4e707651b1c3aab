namespace Insula.Tenancy.RateLimits;

/// <summary>The arrival time of each of a caller's buckets, in clock ticks.</summary>
internal sealed record Arrivals(long Requests, long Reads, long Learn, long Reason)
{
    /// <summary>Every bucket is whole.</summary>
    public static readonly Arrivals Rested = new(long.MinValue, long.MinValue, long.MinValue, long.MinValue);

    /// <summary>Stands in an entry that was dropped; nothing is counted there any more.</summary>
    public static readonly Arrivals Gone = new(long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue);

    public bool WholeAt(long now) => Requests <= now && Reads <= now && Learn <= now && Reason <= now;
}
