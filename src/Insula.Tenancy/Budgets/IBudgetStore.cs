using Insula.Tenancy.Audit;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Paging;
using Insula.Tenancy.Tenants;

namespace Insula.Tenancy.Budgets;

/// <summary>
/// The budgets and what is set aside from them. Part of the control-store seam. For every budget, at every moment:
/// spent + held ≤ limit, as long as a step costs no more than it holds and nobody lowers the limit.
/// </summary>
public interface IBudgetStore
{
    /// <summary>The budgets in force on all that the tenant does: the platform's and those that were set in its tree; not those of sessions' own.</summary>
    Task<IReadOnlyList<Budget>> InForceAsync(Id<Tenant> tenant, CancellationToken ct);

    /// <summary>By key; <paramref name="tenant"/> null lists the platform's own.</summary>
    Task<Page<Budget>> ListAsync(Id<Tenant>? tenant, BudgetScope? scope, PageRequest page, CancellationToken ct);

    /// <summary>Those that stand on the path, as they are now.</summary>
    Task<IReadOnlyList<Budget>> OnPathAsync(Id<Tenant> tenant, IReadOnlyList<BudgetKey> path, CancellationToken ct);

    Task<Budget?> FindAsync(Id<Tenant>? tenant, BudgetKey key, CancellationToken ct);

    /// <summary>
    /// Sets the budget; what one that was there spent and holds stays. As it stands then, or a Conflict when the tenant has
    /// <paramref name="max"/> others.
    /// </summary>
    Task<Result<Budget>> PutAsync(Budget budget, int max, AuditRecord record, CancellationToken ct);

    /// <summary>False when there is none.</summary>
    Task<bool> RemoveAsync(Id<Tenant>? tenant, BudgetKey key, AuditRecord record, CancellationToken ct);

    /// <summary>Brings a session's own budget to what the session says; null takes it away.</summary>
    Task SetOwnAsync(Id<Tenant> tenant, string session, long? limitMicros, CancellationToken ct);

    /// <summary>Takes the hold on every budget of the path at once, or on none. Where none stands nothing is written.</summary>
    Task<HoldAnswer> HoldAsync(HoldRequest request, CancellationToken ct);

    /// <summary>
    /// Lowers a hold to <paramref name="micros"/>, on every budget that bears it at once. One that is ended, or holds no more
    /// than that, is left alone. Whether it was lowered.
    /// </summary>
    Task<bool> LowerAsync(Id<Tenant> tenant, Id<Hold> hold, long micros, CancellationToken ct);

    /// <summary>
    /// Replaces holds by what their steps really cost, each once; a cost without a hold counts on what the usage names.
    /// The shipper of usage does the same inside its own transaction. Returns the thresholds that were reached.
    /// </summary>
    Task<IReadOnlyList<BudgetNotice>> SettleAsync(Id<Tenant> tenant, IReadOnlyList<SettledUsage> usage, CancellationToken ct);

    /// <summary>Gives holds back whose steps cost nothing. One that is settled already is left alone.</summary>
    Task ReleaseAsync(Id<Tenant> tenant, IReadOnlyCollection<Id<Hold>> holds, CancellationToken ct);

    /// <summary>Makes holds of this node last so long from now on.</summary>
    Task RenewAsync(Id<Node> node, IReadOnlyCollection<Id<Hold>> holds, TimeSpan length, CancellationToken ct);

    /// <summary>What stands for the session.</summary>
    Task<IReadOnlyList<Id<Hold>>> ListHoldsAsync(Id<Tenant> tenant, string session, CancellationToken ct);

    /// <summary>Holds that nobody renewed in time, the oldest first. They stand until they are released: their cost may be on its way.</summary>
    Task<IReadOnlyList<ExpiredHold>> ListExpiredAsync(int limit, CancellationToken ct);

    Task<long> CountHoldsAsync(CancellationToken ct);
}

/// <summary>Money set aside for one step. Its id is that of the usage row that settles it.</summary>
public sealed class Hold : IIdentified
{
    private Hold()
    {
    }

    public static string IdPrefix => "use";
}

/// <param name="Path">Every node that the step counts on.</param>
/// <param name="Micros">What the step may cost at most.</param>
/// <param name="Least">With less there is no use in beginning.</param>
/// <param name="Length">How long the hold lasts unless it is renewed.</param>
public sealed record HoldRequest(
    Id<Hold> Id,
    Id<Tenant> Tenant,
    string Session,
    Id<Node> Node,
    IReadOnlyList<BudgetKey> Path,
    long Micros,
    long Least,
    TimeSpan Length)
{
    /// <summary>Nodes on a path at most.</summary>
    public const int PathMax = 12;
}

/// <param name="Granted">What the step may cost; null when less than the least is left.</param>
/// <param name="Holds">Whether a hold stands for it: none does where no budget is on the path.</param>
/// <param name="Tightest">The budget with the least left, as it was before; null where there is none.</param>
public sealed record HoldAnswer(long? Granted, bool Holds, Budget? Tightest);

/// <param name="Agent">Its budgets and the session's count the cost, beside those that the hold was taken on.</param>
public sealed record SettledUsage(Id<Hold> Id, string Agent, string Session, long Micros);

public sealed record ExpiredHold(Id<Tenant> Tenant, Id<Hold> Id, string Session);
