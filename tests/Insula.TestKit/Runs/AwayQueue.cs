using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Faults;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.TestKit.Runs;

/// <summary>The real queue, over a line that a test cuts: then it answers as a database does that is away.</summary>
public sealed class AwayQueue(IRunQueue queue) : IRunQueue
{
    private int _refused;

    public bool Away { get; set; }

    /// <summary>Calls made while it was away.</summary>
    public int Refused => Volatile.Read(ref _refused);

    private IRunQueue There
    {
        get
        {
            if (!Away) return queue;
            Interlocked.Increment(ref _refused);
            throw new FaultException(Fault.Unavailable("store_unavailable", "The database does not answer."));
        }
    }

    public bool Orders => queue.Orders;

    public Task WakeAsync(Id<Tenant> tenant, Id<Session> session, WakeOptions options, CancellationToken ct) => There.WakeAsync(tenant, session, options, ct);

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
