using System.Runtime.InteropServices;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Members;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.RateLimits;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Access;

/// <summary>
/// The keys in use, found by the keyed hash of their whole text. Only the holder of a key in force can hit it, so a wrong
/// secret for a busy key takes the same way, through the store, as a handle that never existed.
/// </summary>
internal sealed class KeyCache(IWakes wakes, TimeProvider time, int capacity = KeyCache.CapacityDefault)
{
    public const int CapacityDefault = 10_000;

    private readonly BoundedCache<Digest, Kept> _keys = new(capacity, TenantStandings.AgeMax, time);

    public long Generation => _keys.Generation;

    public int Count => _keys.Count;

    public CachedKey? Find(ReadOnlySpan<byte> hash) => _keys.TryGet(Digest.Of(hash), out var kept) ? kept.Key : null;

    public void Keep(ReadOnlySpan<byte> hash, CachedKey key, long loadedIn) =>
        _keys.Keep(Digest.Of(hash), new Kept(key, wakes.KeyOf(key.Row.Tenant.ToString())), loadedIn);

    public void Drop(Id<ApiKey> key) => _keys.DropWhere(kept => kept.Key.Row.Id == key);

    public void Drop(Id<Member> member) => _keys.DropWhere(kept => kept.Key.Row.Member == member);

    /// <summary>Drops the keys of the tenants that the wake names.</summary>
    public void Drop(Wake wake) => _keys.DropWhere(kept => wake.Names(kept.Tenant));

    private sealed record Kept(CachedKey Key, WakeKey Tenant);

    /// <summary>A whole HMAC-SHA256 as a dictionary key. Its bits are unknown to callers, so they cannot steer collisions.</summary>
    private readonly record struct Digest(UInt128 First, UInt128 Second)
    {
        public static Digest Of(ReadOnlySpan<byte> hash)
        {
            var halves = MemoryMarshal.Cast<byte, UInt128>(hash);
            return new(halves[0], halves[1]);
        }
    }
}

/// <summary>A key in force whose secret was proved, with the scope that it grants: its own rights, cut by its member's role.</summary>
internal sealed class CachedKey(ApiKey row, Member? member = null)
{
    private long _notedAt;

    public ApiKey Row { get; } = row;

    public TenantScope Scope { get; } = new(row.Tenant, Principal.Of(row.Id), row.Permissions & (member?.Role.Allowed() ?? Permissions.All))
    {
        OwnLimits = [.. OwnLimitsOf(row, member)],
        Member = member,
    };

    private static IEnumerable<OwnLimits> OwnLimitsOf(ApiKey row, Member? member)
    {
        if (member?.Limits is { } together) yield return new OwnLimits(RateHolder.Member, member.Id.ToString(), together);
        if (row.Limits is { } own) yield return new OwnLimits(RateHolder.Key, row.Id.ToString(), own);
    }

    /// <summary>True for one caller in each interval: every use counts, but not every use is written.</summary>
    public bool TimeToNote(DateTimeOffset now, TimeSpan interval)
    {
        var noted = Volatile.Read(ref _notedAt);
        return now.UtcTicks - noted >= interval.Ticks && Interlocked.CompareExchange(ref _notedAt, now.UtcTicks, noted) == noted;
    }
}
