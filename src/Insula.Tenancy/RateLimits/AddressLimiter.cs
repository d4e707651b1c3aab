namespace Insula.Tenancy.RateLimits;

/// <summary>
/// Holds callers who have not signed in to a rate, by remote address. It remembers at most <see cref="AddressesMax"/>
/// addresses; while it is full, all others share one bucket, so a flood of addresses cannot fill the memory.
/// </summary>
public sealed class AddressLimiter(TimeProvider time) : IDisposable
{
    internal const int AddressesMax = 65_536;

    private readonly RateTable<string> _table = new(time, AddressesMax, RateHolder.Address);

    /// <summary>Counts one call of this address as a request, or refuses it.</summary>
    /// <param name="perMinute">1 or more; twice as many may come at once.</param>
    public RateDecision Take(string address, int perMinute) => _table.Take(address, new RateDemand((RateClasses.Requests, perMinute)));

    public void Dispose() => _table.Dispose();
}
