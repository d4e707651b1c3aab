using Insula.Tenancy.Identity;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.TestKit.Nodes;

/// <summary>
/// The nodes' common count in memory, for laws over a million calls. It passes the contract of the stores. Its clock can be
/// set apart from the nodes', and it can be away.
/// </summary>
public sealed class MemoryGrants(TimeProvider time) : IRateGrants
{
    private readonly Lock _sync = new();
    private readonly Dictionary<(Id<Tenant>, string, RateClasses), long> _arrivals = [];

    public TimeSpan Shift { get; set; }

    public bool Away { get; set; }

    public long Trips { get; private set; }

    /// <summary>Happens when the store has judged and before its answer arrives, as time does.</summary>
    public Action? OnTheWay { get; set; }

    private long Now => (time.GetUtcNow() + Shift).UtcTicks;

    public Task<RateGrant> TakeAsync(RateGrantRequest request, CancellationToken ct)
    {
        lock (_sync)
        {
            Trips++;
            if (Away) throw new Insula.Tenancy.Faults.FaultException(Insula.Tenancy.Faults.Fault.Unavailable("store_away", "The store is away."));
            var now = Now;
            var key = (request.Tenant, request.Caller, request.Class);
            var start = Math.Max(Math.Min(_arrivals.GetValueOrDefault(key), now + request.Tolerance), now);
            var room = now + request.Tolerance - start;
            var granted = room >= request.Wanted ? request.Wanted : room >= request.Least ? room / request.Spacing * request.Spacing : 0;
            _arrivals[key] = start + granted;
            OnTheWay?.Invoke();
            return Task.FromResult(new RateGrant(start + granted, granted, now));
        }
    }

    public Task<IReadOnlyList<RateRow>> ListAsync(Id<Tenant> tenant, CancellationToken ct)
    {
        lock (_sync)
        {
            var now = Now;
            return Task.FromResult<IReadOnlyList<RateRow>>(
                [.. _arrivals.Where(pair => pair.Key.Item1 == tenant && pair.Value > now).Select(pair => new RateRow(pair.Key.Item2, pair.Key.Item3, TimeSpan.FromTicks(pair.Value - now)))]);
        }
    }
}
