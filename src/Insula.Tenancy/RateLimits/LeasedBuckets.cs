namespace Insula.Tenancy.RateLimits;

/// <summary>
/// The slots that this node holds of a caller's buckets. A slot is good until its own beginning, so what is held for too long
/// is lost and never adds to a burst: at every moment all slots that can still be used, on all nodes, lie within one burst
/// ahead of now, and no two overlap.
/// </summary>
internal sealed class LeasedBuckets : RateEntry
{
    private PerClass<Lease> _leases;

    public ref Lease Of(RateClasses one) => ref _leases[RateClassList.IndexOf(one)];

    public override bool RestedAt(long now)
    {
        foreach (ref var lease in _leases)
        {
            if (lease.Until > now || lease.Shared > now || lease.Asking is not null) return false;
        }

        return true;
    }

    /// <summary>One class. All times are ticks of this node's monotonic clock.</summary>
    internal struct Lease
    {
        /// <summary>Where the next slot begins, unless now is later.</summary>
        public long Arrival;

        /// <summary>Where the slots held end.</summary>
        public long Until;

        /// <summary>The arrival time in the store, as far as this node knows.</summary>
        public long Shared;

        /// <summary>The store has no slot before this moment at the rate of <see cref="RefusedRate"/>.</summary>
        public long RefusedUntil;

        public long RefusedRate;

        /// <summary>Calls admitted since the store was asked, and when that was: the demand that the next question goes by.</summary>
        public long Used;

        public long AskedAt;

        /// <summary>Calls that wait for the store.</summary>
        public int Waiting;

        /// <summary>The question under way; whoever lacks a slot waits for it.</summary>
        public Task<LeaseAnswer>? Asking;

        /// <summary>The bucket of this node alone, for reads while the store is away.</summary>
        public long Alone;
    }
}

/// <summary>How the store answered.</summary>
/// <param name="AskedAt">Calls that waited count as made at this moment, when they were there already and the store judged.</param>
internal readonly record struct LeaseAnswer(LeaseOutcome Outcome, long AskedAt);

internal enum LeaseOutcome
{
    Granted,
    Refused,
    Away,
}
