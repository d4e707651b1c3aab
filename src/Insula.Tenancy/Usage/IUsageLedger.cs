using Insula.Tenancy.Identity;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Usage;

/// <summary>
/// What was used, by all tenants, each item once. Part of the control-store seam. Items come from the tenants' outboxes;
/// whoever settles a session's queue entry marks its tenant in the same transaction, so that no outbox is forgotten.
/// </summary>
public interface IUsageLedger
{
    /// <summary>Adds what is not there yet, with all that follows from it, in one transaction; how many that were.</summary>
    Task<int> AddAsync(Id<Tenant> tenant, IReadOnlyList<UsageEntry> entries, CancellationToken ct);

    /// <summary>Tenants that may have usage which is not here, the longest marked first; only such as were marked before <paramref name="before"/>.</summary>
    Task<IReadOnlyList<UsageMark>> ListMarkedAsync(DateTimeOffset before, int limit, CancellationToken ct);

    /// <summary>Takes the mark away unless the tenant was marked anew since it was read.</summary>
    Task UnmarkAsync(UsageMark mark, CancellationToken ct);

    /// <summary>Marks every tenant that has an entry in the run queue: nodes that are gone may have left usage of theirs.</summary>
    Task MarkQueuedAsync(CancellationToken ct);

    Task<UsageMarks> CountMarkedAsync(CancellationToken ct);

    /// <summary>Whether the tenant may have usage that is not here: it is marked, or has an entry in the run queue.</summary>
    Task<bool> IsBehindAsync(Id<Tenant> tenant, CancellationToken ct);

    /// <summary>Sums by key, in the order of the keys.</summary>
    Task<Page<UsageGroup>> GroupAsync(Id<Tenant> tenant, UsageFilter filter, UsageGrouping by, PageRequest page, CancellationToken ct);

    /// <summary>The sum of all that the filter lets through.</summary>
    Task<UsageSum> SumAsync(Id<Tenant> tenant, UsageFilter filter, CancellationToken ct);

    /// <summary>Sums of whole days, by day, kind and name.</summary>
    /// <param name="to">The first day after.</param>
    Task<IReadOnlyList<UsageDay>> DaysAsync(Id<Tenant> tenant, DateOnly from, DateOnly to, CancellationToken ct);

    /// <summary>The tenants that cost most in these days, the dearest first.</summary>
    Task<IReadOnlyList<TenantUsage>> TopAsync(DateOnly from, DateOnly to, int limit, CancellationToken ct);
}

/// <param name="Mark">What it is taken away by.</param>
public sealed record UsageMark(Id<Tenant> Tenant, long Mark);

/// <param name="Since">When the longest marked one was marked; null when none is.</param>
public sealed record UsageMarks(long Tenants, DateTimeOffset? Since);

public sealed record TenantUsage(Id<Tenant> Tenant, UsageSum Sum);
