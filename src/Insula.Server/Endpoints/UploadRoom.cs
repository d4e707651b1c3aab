using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Server.Endpoints;

/// <summary>
/// Bounds the memory that bodies on their way in may take, for each tenant and for all. Without it one tenant could open
/// many large uploads, send them slowly, and take the memory that the others need. Small bodies hardly ever notice.
/// </summary>
internal sealed class UploadRoom
{
    /// <summary>Bytes of bodies under way for one tenant.</summary>
    public const long TenantBytesMax = 96L << 20;

    /// <summary>Bytes of bodies under way for all.</summary>
    private const long AllBytesMax = 384L << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<Id<Tenant>, long> _underWay = [];
    private long _all;

    /// <summary>Takes room for a body of <paramref name="bytes"/> (at least 1) until the place is disposed.</summary>
    public Result<Place> Enter(Id<Tenant> tenant, long bytes)
    {
        lock (_lock)
        {
            var own = _underWay.GetValueOrDefault(tenant);
            if (own + bytes > TenantBytesMax && own > 0)
            {
                return new Fault(FaultKind.Throttled, "uploads_under_way", $"Bodies of {own} bytes are on their way already; at most {TenantBytesMax} may be at one time. Wait for one to end.")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                };
            }

            if (_all + bytes > AllBytesMax && _all > 0) return Fault.Unavailable("uploads_busy", "The server takes in as much as it can. Try again in a second.");
            _underWay[tenant] = own + bytes;
            _all += bytes;
            return new Place(this, tenant, bytes);
        }
    }

    private void Leave(Id<Tenant> tenant, long bytes)
    {
        lock (_lock)
        {
            _all -= bytes;
            if ((_underWay[tenant] -= bytes) == 0) _underWay.Remove(tenant);
        }
    }

    /// <summary>Room that one body takes; dispose it once.</summary>
    internal sealed class Place(UploadRoom room, Id<Tenant> tenant, long bytes) : IDisposable
    {
        public void Dispose() => room.Leave(tenant, bytes);
    }
}
