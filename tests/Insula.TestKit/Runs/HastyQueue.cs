using Insula.Agents.Runs;
using Insula.Agents.Sessions;
using Insula.Tenancy.Identity;
using Insula.Tenancy.Nodes;
using Insula.Tenancy.Tenants;

namespace Insula.TestKit.Runs;

/// <summary>The real queue, with a worker that takes and settles the first entry the moment it is written, before the input is in the log.</summary>
public sealed class HastyQueue(IRunQueue queue) : IRunQueue
{
    private int _wakes;

    public bool Orders => queue.Orders;

    public async Task WakeAsync(Id<Tenant> tenant, Id<Session> session, WakeOptions options, CancellationToken ct)
    {
        await queue.WakeAsync(tenant, session, options, ct);
        if (Interlocked.Increment(ref _wakes) > 1) return;
        var (entry, hasty) = (new QueuedSession(tenant, session), Id<Node>.New());
        await queue.SettleAsync(entry, hasty, (await queue.TryLeaseAsync(entry, hasty, TimeSpan.FromMinutes(1), ct))!.Mark, default, ct);
    }

    public Task<ClaimedSession?> ClaimAsync(Id<Node> node, TimeSpan length, ClaimOptions options, CancellationToken ct) => queue.ClaimAsync(node, length, options, ct);

    public Task ShareAsync(Id<Tenant> tenant, RunShare share, CancellationToken ct) => queue.ShareAsync(tenant, share, ct);

    public Task ProgressedAsync(QueuedSession entry, Id<Node> node, CancellationToken ct) => queue.ProgressedAsync(entry, node, ct);

    public Task<EntryStanding?> FindAsync(QueuedSession entry, CancellationToken ct) => queue.FindAsync(entry, ct);

    public Task<QueueDepth> CountAsync(CancellationToken ct) => queue.CountAsync(ct);

    public Task<QueueLease?> TryLeaseAsync(QueuedSession entry, Id<Node> node, TimeSpan length, CancellationToken ct) => queue.TryLeaseAsync(entry, node, length, ct);

    public Task<IReadOnlyDictionary<QueuedSession, long>> RenewAsync(Id<Node> node, IReadOnlyCollection<QueuedSession> held, TimeSpan length, CancellationToken ct) =>
        queue.RenewAsync(node, held, length, ct);

    public Task<long?> SettleAsync(QueuedSession entry, Id<Node> node, long mark, LeaseEnd end, CancellationToken ct) => queue.SettleAsync(entry, node, mark, end, ct);

    public Task ReleaseAsync(QueuedSession entry, Id<Node> node, LeaseEnd end, CancellationToken ct) => queue.ReleaseAsync(entry, node, end, ct);

    public Task<IReadOnlyList<FreeEntry>> ListFreeAsync(FreeEntries which, long after, int limit, CancellationToken ct) => queue.ListFreeAsync(which, after, limit, ct);

    public IAsyncEnumerable<QueuedSession> AllAsync(CancellationToken ct) => queue.AllAsync(ct);
}
