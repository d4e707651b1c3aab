using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.TestKit.Runs;

/// <summary>Passes every call on to another queue, for tests that put something in between.</summary>
public abstract class ForwardingQueue(IRunQueue queue) : IRunQueue
{
    /// <summary>Where calls go.</summary>
    protected virtual IRunQueue There => queue;

    public bool Orders => queue.Orders;

    public virtual Task WakeAsync(Id<Tenant> tenant, Id<Session> session, WakeOptions options, CancellationToken ct) => There.WakeAsync(tenant, session, options, ct);

    public Task<ClaimedSession?> ClaimAsync(Id<Node> node, TimeSpan length, ClaimOptions options, CancellationToken ct) => There.ClaimAsync(node, length, options, ct);

    public Task ShareAsync(Id<Tenant> tenant, RunShare share, CancellationToken ct) => There.ShareAsync(tenant, share, ct);

    public Task ProgressedAsync(QueuedSession entry, Id<Node> node, CancellationToken ct) => There.ProgressedAsync(entry, node, ct);

    public Task<EntryStanding?> FindAsync(QueuedSession entry, CancellationToken ct) => There.FindAsync(entry, ct);

    public Task<QueueDepth> CountAsync(CancellationToken ct) => There.CountAsync(ct);

    public Task<QueueLease?> TryLeaseAsync(QueuedSession entry, Id<Node> node, TimeSpan length, CancellationToken ct) => There.TryLeaseAsync(entry, node, length, ct);

    public Task<IReadOnlyDictionary<QueuedSession, long>> RenewAsync(Id<Node> node, IReadOnlyCollection<QueuedSession> held, TimeSpan length, CancellationToken ct) =>
        There.RenewAsync(node, held, length, ct);

    public Task<long?> SettleAsync(QueuedSession entry, Id<Node> node, long mark, LeaseEnd end, CancellationToken ct) => There.SettleAsync(entry, node, mark, end, ct);

    public Task ReleaseAsync(QueuedSession entry, Id<Node> node, LeaseEnd end, CancellationToken ct) => There.ReleaseAsync(entry, node, end, ct);

    public Task<IReadOnlyList<FreeEntry>> ListFreeAsync(FreeEntries which, long after, int limit, CancellationToken ct) => There.ListFreeAsync(which, after, limit, ct);

    public IAsyncEnumerable<QueuedSession> AllAsync(CancellationToken ct) => There.AllAsync(ct);
}
