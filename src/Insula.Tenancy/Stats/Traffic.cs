using System.Collections.Concurrent;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Stats;

/// <summary>How a tenant's requests went.</summary>
/// <param name="Denied">Refused because of a limit, a budget or a missing right.</param>
/// <param name="Timed">Those that <paramref name="LatencyMicros"/> is the sum of: streams last as long as they are watched, and are left out.</param>
public sealed record TrafficSum(long Requests, long Denied, long Timed, long LatencyMicros)
{
    public static TrafficSum Nothing { get; } = new(0, 0, 0, 0);

    public long Allowed => Requests - Denied;

    /// <summary>Null when nothing was timed.</summary>
    public double? AverageLatencyMs => Timed == 0 ? null : Math.Round(LatencyMicros / 1000.0 / Timed, 3);

    public static TrafficSum operator +(TrafficSum a, TrafficSum b) => new(a.Requests + b.Requests, a.Denied + b.Denied, a.Timed + b.Timed, a.LatencyMicros + b.LatencyMicros);
}

/// <summary>
/// Counts requests by tenant and day in this node's memory until they are taken to the store, about every minute. A crash
/// loses what was counted since; nothing is billed by it.
/// </summary>
public sealed class Traffic(TimeProvider time)
{
    private ConcurrentDictionary<(Id<Tenant> Tenant, DateOnly Day), Counts> _counts = new();

    /// <param name="latency">Null for a request that is not timed.</param>
    public void Count(Id<Tenant> tenant, bool denied, TimeSpan? latency)
    {
        var counts = Volatile.Read(ref _counts).GetOrAdd((tenant, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime)), static _ => new Counts());
        counts.Add(denied, latency);
    }

    /// <summary>The tenant does something that is no request: a run goes on, a schedule fires.</summary>
    public void Touch(Id<Tenant> tenant) => Volatile.Read(ref _counts).GetOrAdd((tenant, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime)), static _ => new Counts());

    /// <summary>What was counted since the last time, with nothing for whoever was only touched. A request that is being counted in this very moment may be lost.</summary>
    public IReadOnlyList<(Id<Tenant> Tenant, DateOnly Day, TrafficSum Sum)> Take() =>
        [.. Interlocked.Exchange(ref _counts, new()).Select(static entry => (entry.Key.Tenant, entry.Key.Day, entry.Value.Sum))];

    /// <summary>Puts back what could not be stored.</summary>
    public void Return(IEnumerable<(Id<Tenant> Tenant, DateOnly Day, TrafficSum Sum)> counted)
    {
        foreach (var (tenant, day, sum) in counted) Volatile.Read(ref _counts).GetOrAdd((tenant, day), static _ => new Counts()).Add(sum);
    }

    private sealed class Counts
    {
        private long _requests;
        private long _denied;
        private long _timed;
        private long _micros;

        public TrafficSum Sum => new(Interlocked.Read(ref _requests), Interlocked.Read(ref _denied), Interlocked.Read(ref _timed), Interlocked.Read(ref _micros));

        public void Add(bool denied, TimeSpan? latency) => Add(new TrafficSum(1, denied ? 1 : 0, latency is null ? 0 : 1, (long)(latency?.TotalMicroseconds ?? 0)));

        public void Add(TrafficSum sum)
        {
            Interlocked.Add(ref _requests, sum.Requests);
            Interlocked.Add(ref _denied, sum.Denied);
            Interlocked.Add(ref _timed, sum.Timed);
            Interlocked.Add(ref _micros, sum.LatencyMicros);
        }
    }
}
