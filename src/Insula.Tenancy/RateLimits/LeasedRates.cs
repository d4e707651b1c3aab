using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.RateLimits;

/// <summary>
/// Rates that several nodes hold together. A node leases slots in advance, about as many as it used in the last second, and
/// admits calls in them without asking; a limit of few calls goes to the store for each. What is leased and not used is lost,
/// which costs a caller at most a second's worth of burst. While the store is away a node goes on with what it has; then
/// reads go on at a part of their rate, and all else is refused until the store is back.
/// </summary>
internal sealed class LeasedRates(IRateGrants grants, TimeProvider time) : IDisposable
{
    /// <summary>While the store is away each node admits reads at the rate divided by this.</summary>
    public const int NodesAssumed = 4;

    private const long RowTicksPerSecond = TimeSpan.TicksPerSecond;

    // A lease is at most this part of a burst.
    private const int BurstParts = 16;

    private static readonly TimeSpan AwayPause = TimeSpan.FromSeconds(1);

    private readonly EntryTable<RateCaller, LeasedBuckets> _entries = new(time, int.MaxValue);
    private long _awayUntil;

    public int Count => _entries.Count;

    private long TicksPerSecond => time.TimestampFrequency;

    public ValueTask<RateDecision> TakeAsync(in RateStakes stakes, CancellationToken ct)
    {
        var came = time.GetTimestamp();
        var lacking = Try(stakes.All, came, out var decision);
        return lacking is null ? new(decision) : AskAsync(stakes, came, lacking.Value, ct);
    }

    /// <summary>Puts what was used on the tenant's account, over the limit or not; how long until the bucket is no longer overdrawn.</summary>
    public async Task<TimeSpan> ChargeAsync(Id<Tenant> tenant, RateClasses one, long perMinute, long calls, CancellationToken ct)
    {
        const long withoutEnd = TimeSpan.TicksPerDay * 36_500;
        var rate = RowRate(perMinute);
        var span = Gcra.Span(calls, perMinute, RowTicksPerSecond);
        var asked = time.GetTimestamp();
        var grant = await grants.TakeAsync(new RateGrantRequest(tenant, "", one, span, span, rate.Spacing, withoutEnd), ct);
        while (true)
        {
            var entry = _entries.Of(RateCaller.Of(tenant));
            lock (entry)
            {
                if (entry.Gone) continue;
                ref var lease = ref entry.Of(one);
                lease.Shared = Math.Max(lease.Shared, asked + Here(grant.Arrival - grant.Now));
                return Debt(lease.Shared, perMinute);
            }
        }
    }

    /// <summary>How the tenant stands, as far as this node knows.</summary>
    public RateStanding Stand(Id<Tenant> tenant, RateClasses one, long perMinute)
    {
        if (_entries.Find(RateCaller.Of(tenant)) is not { } entry) return Stand(TimeSpan.Zero, perMinute);
        lock (entry) return Stand(Ticks.Span(entry.Of(one).Shared - time.GetTimestamp(), TicksPerSecond), perMinute);
    }

    public static RateStanding Stand(TimeSpan ahead, long perMinute)
    {
        var rate = RowRate(perMinute);
        var left = TimeSpan.FromTicks(Math.Max(0, ahead.Ticks));
        return new RateStanding(rate.Burst, rate.Remaining(left.Ticks, 0), left, TimeSpan.FromTicks(Math.Max(0, left.Ticks - rate.Tolerance)));
    }

    internal void Sweep() => _entries.Sweep();

    public void Dispose() => _entries.Dispose();

    private static Gcra RowRate(long perMinute) => Gcra.Of(perMinute, RowTicksPerSecond);

    /// <summary>Row ticks as ticks of this node's clock; the store's slots keep their length, so that as many calls fit here as were granted there.</summary>
    private long Here(long rowTicks) => (long)((Int128)rowTicks * TicksPerSecond / RowTicksPerSecond);

    private Gcra RateHere(long perMinute)
    {
        var spacing = RowRate(perMinute).Spacing;
        return new Gcra(perMinute, Math.Max(1, spacing * TicksPerSecond / RowTicksPerSecond));
    }

    private TimeSpan Debt(long arrival, long perMinute) => Ticks.Span(arrival - time.GetTimestamp() - RateHere(perMinute).Tolerance, TicksPerSecond);

    /// <summary>Takes the call's slots if this node has them all, or refuses it by what it knows; else names the class to ask the store for.</summary>
    private Lack? Try(ReadOnlySpan<RateStake<RateCaller>> stakes, long at, out RateDecision decision)
    {
        using var held = _entries.Hold(stakes);
        var call = new PlannedCall(at, TicksPerSecond);
        Lack? lacking = null;
        for (var i = 0; i < stakes.Length; i++) lacking = Weigh(held[i], stakes[i], at, lacking, ref call);
        decision = call.Tightest;
        if (!decision.Admitted) return null;
        if (lacking is not null) return lacking;
        for (var i = 0; i < stakes.Length; i++) Move(held[i], stakes[i].Demand, at);
        return null;
    }

    private Lack? Weigh(LeasedBuckets entry, in RateStake<RateCaller> stake, long at, Lack? lacking, ref PlannedCall call)
    {
        var (now, holder) = (time.GetTimestamp(), stake.Holder);
        for (var rest = stake.Demand.Classes; rest != RateClasses.None; rest = RateClassList.Rest(rest))
        {
            var one = RateClassList.First(rest);
            var perMinute = stake.Demand.PerMinute(one);
            var rate = RateHere(perMinute);
            ref var lease = ref entry.Of(one);
            if (rate.Next(lease.Arrival, at) <= lease.Until) call.Add(Admits(lease, rate, one, now, holder));
            else if (lease.RefusedRate == perMinute && lease.RefusedUntil > now) call.Add(Refuses(lease, rate, one, now, holder));
            else if (now < Volatile.Read(ref _awayUntil) && lease.Asking is null) call.Add(WhileAway(lease, rate, one, now, holder));
            else lacking ??= new Lack(stake.Key, one, perMinute);
        }

        return lacking;
    }

    private void Move(LeasedBuckets entry, in RateDemand demand, long at)
    {
        for (var rest = demand.Classes; rest != RateClasses.None; rest = RateClassList.Rest(rest))
        {
            var one = RateClassList.First(rest);
            var rate = RateHere(demand.PerMinute(one));
            ref var lease = ref entry.Of(one);
            lease.Used++;
            var next = rate.Next(lease.Arrival, at);
            if (next <= lease.Until) lease.Arrival = next;
            else lease.Alone = AloneRate(rate).Next(lease.Alone, at);
        }
    }

    private RateDecision Admits(in LeasedBuckets.Lease lease, Gcra rate, RateClasses one, long now, RateHolder holder)
    {
        var held = (lease.Until - Math.Max(lease.Arrival, now)) / rate.Spacing;
        var left = Math.Max(0, Math.Min(rate.Burst, held + rate.Remaining(lease.Shared, now)) - 1);
        return new RateDecision(Admitted: true, one, rate.PerMinute, rate.Burst, left, Ticks.Span(lease.Shared - now, TicksPerSecond), TimeSpan.Zero) { Holder = holder };
    }

    private RateDecision Refuses(in LeasedBuckets.Lease lease, Gcra rate, RateClasses one, long now, RateHolder holder) =>
        new(Admitted: false, one, rate.PerMinute, rate.Burst, 0, Ticks.Span(lease.Shared - now, TicksPerSecond), Ticks.Span(lease.RefusedUntil - now, TicksPerSecond)) { Holder = holder };

    private Gcra AloneRate(Gcra rate) => Gcra.Of(Math.Max(1, rate.PerMinute / NodesAssumed), TicksPerSecond);

    private RateDecision WhileAway(in LeasedBuckets.Lease lease, Gcra rate, RateClasses one, long now, RateHolder holder)
    {
        var alone = AloneRate(rate);
        var wait = alone.Wait(alone.Next(lease.Alone, now), now);
        var reads = one == RateClasses.Reads;
        return new RateDecision(
            reads && wait <= 0, one, rate.PerMinute, rate.Burst, reads ? alone.Remaining(lease.Alone, now) : 0, Ticks.Span(lease.Alone - now, TicksPerSecond), reads && wait > 0 ? Ticks.Span(wait, TicksPerSecond) : AwayPause)
        {
            Holder = holder,
            StoreAway = !reads,
        };
    }

    private async ValueTask<RateDecision> AskAsync(RateStakes stakes, long came, Lack lack, CancellationToken ct)
    {
        long? made = null;
        while (true)
        {
            // A call that was there when the store was first asked counts as made then: its slot may have begun meanwhile, and
            // while the store is asked for one class, the slot of another one may even have ended.
            var answer = await LeaseAsync(lack).WaitAsync(ct);
            made ??= Math.Max(came, answer.AskedAt);
            if (Try(stakes.All, made.Value, out var decision) is not { } next) return decision;
            lack = next;
        }
    }

    /// <summary>Asks the store, or joins whoever asks already.</summary>
    private async Task<LeaseAnswer> LeaseAsync(Lack lack)
    {
        while (true)
        {
            var entry = _entries.Of(lack.Caller);
            Task<LeaseAnswer> asking;
            lock (entry)
            {
                if (entry.Gone) continue;
                ref var lease = ref entry.Of(lack.Class);
                lease.Waiting++;
                asking = lease.Asking ??= FetchAsync(entry, lack, WantedOf(lease, lack.PerMinute));
            }

            try
            {
                return await asking;
            }
            finally
            {
                lock (entry) entry.Of(lack.Class).Waiting--;
            }
        }
    }

    /// <summary>As much as was used in the last second; twice what was used when the last lease lasted for less.</summary>
    private long WantedOf(in LeasedBuckets.Lease lease, long perMinute)
    {
        var elapsed = Math.Max(1, time.GetTimestamp() - lease.AskedAt);
        var used = elapsed < TicksPerSecond ? lease.Used * 2 : (long)((Int128)lease.Used * TicksPerSecond / elapsed);
        return Math.Clamp(Math.Max(used, lease.Waiting), 1, Math.Max(1, RowRate(perMinute).Burst / BurstParts));
    }

    private async Task<LeaseAnswer> FetchAsync(LeasedBuckets entry, Lack lack, long calls)
    {
        // Nothing of the store runs under the caller's lock.
        await Task.Yield();
        var rate = RowRate(lack.PerMinute);
        var asked = time.GetTimestamp();
        try
        {
            var grant = await grants.TakeAsync(new RateGrantRequest(lack.Caller.Tenant, lack.Caller.Name, lack.Class, rate.Spacing, calls * rate.Spacing, rate.Spacing, rate.Tolerance), CancellationToken.None);
            lock (entry) return new LeaseAnswer(Note(ref entry.Of(lack.Class), grant, rate, lack.PerMinute, asked), asked);
        }
        catch (FaultException)
        {
            Volatile.Write(ref _awayUntil, time.GetTimestamp() + (long)(AwayPause.TotalSeconds * TicksPerSecond));
            return new LeaseAnswer(LeaseOutcome.Away, asked);
        }
        finally
        {
            lock (entry)
            {
                ref var lease = ref entry.Of(lack.Class);
                (lease.Asking, lease.Used, lease.AskedAt) = (null, 0, asked);
            }
        }
    }

    /// <summary>The store's clock was at most its answer's plus what passed here since it was asked: by that measure a slot ends here no later than there.</summary>
    private LeaseOutcome Note(ref LeasedBuckets.Lease lease, RateGrant grant, Gcra rate, long perMinute, long asked)
    {
        lease.Shared = asked + Here(grant.Arrival - grant.Now);
        if (grant.Granted > 0)
        {
            lease.Until = asked + Here(grant.Arrival - grant.Now);
            lease.Arrival = lease.Until - Here(grant.Granted);
            lease.RefusedRate = 0;
            return LeaseOutcome.Granted;
        }

        (lease.RefusedRate, lease.RefusedUntil) = (perMinute, time.GetTimestamp() + Here(rate.Wait(grant.Arrival + rate.Spacing, grant.Now)) + 1);
        return LeaseOutcome.Refused;
    }

    private readonly record struct Lack(RateCaller Caller, RateClasses Class, long PerMinute);
}
